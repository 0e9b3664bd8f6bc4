"""Reads what the authors of arXiv 2310.00492 published into insttui's own formats."""
