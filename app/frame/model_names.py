"""Names of a pair of models, short enough for a line."""

from __future__ import annotations


def short_names(base: str, tuned: str) -> tuple[str, str]:
    """Names without the folders or the owner before them, where that still tells them apart."""
    short = tuple(name.rstrip("/").rpartition("/")[2] for name in (base, tuned))
    return (short[0], short[1]) if short[0] != short[1] else (base, tuned)
