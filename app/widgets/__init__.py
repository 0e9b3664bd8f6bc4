"""Reusable widgets, independent of any analysis."""
