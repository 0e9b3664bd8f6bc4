"""Requests, and the session that answers them; imports no torch."""
