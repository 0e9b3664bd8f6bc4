"""Compares two answers of one analysis, however deep their numbers lie."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np
import pytest

# What may differ between two ways to the same numbers.
TOLD = ("seconds", "note", "notes", "difference")


def assert_alike(
    found: Any,
    expected: Any,
    where: str,
    *,
    within: float = 1e-4,
    apart: Collection[str] = TOLD,
) -> None:
    """Structures alike but for the fields `apart`; numbers within a share of the largest."""
    if isinstance(found, msgspec.Struct):
        for name in found.__struct_fields__:
            if name not in apart:
                mine, theirs = getattr(found, name), getattr(expected, name)
                assert_alike(mine, theirs, f"{where}.{name}", within=within, apart=apart)
    elif isinstance(found, tuple | list):
        for place, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
            assert_alike(mine, theirs, f"{where}[{place}]", within=within, apart=apart)
    elif isinstance(found, np.ndarray) and found.dtype.kind == "f":
        scale = float(np.nanmax(np.abs(expected), initial=0.0))
        np.testing.assert_allclose(found, expected, rtol=0, atol=within * scale, err_msg=where)
    elif isinstance(found, float):
        assert found == pytest.approx(expected, rel=within), where
    else:
        np.testing.assert_array_equal(found, expected, err_msg=where)
