"""Reusable widgets; none knows an analysis."""
