"""The third that is always tried stands for the rest, and the tables name types that exist."""

from __future__ import annotations

import pytest

from tests.families.models import NAMES, configuration
from tests.families.outside import (
    CANNOT_RUN,
    CUTS_ITS_GRADIENT,
    GENERATES_OTHERWISE,
    MAY_BE_REFUSED,
    SEES_AHEAD,
    TOLD_TO_DECODE,
)
from tests.families.overrides import OWN, VARIANTS
from tests.families.selection import SELECTED
from tests.families.sizes import KINDS


def kinds(names) -> set[tuple[str, str]]:
    """What configurations call the layers of some types."""
    found = set()
    for name in names:
        try:
            made = configuration(name).get_text_config()
        except Exception:  # Some cannot be made; test_outsiders.py says which.
            continue
        for field in KINDS:
            found |= {(field, kind) for kind in getattr(made, field, None) or ()}
    return found


def test_every_kind_of_layer_is_in_the_third() -> None:
    assert kinds(NAMES) - kinds(SELECTED) == set()
    assert ("layer_types", "linear_attention") in kinds(SELECTED)


def test_it_is_a_third() -> None:
    assert set(SELECTED) <= set(NAMES)
    assert len(NAMES) / 4 < len(SELECTED) < len(NAMES) / 2


@pytest.mark.parametrize(
    "table",
    [
        OWN,
        {name: None for name, _ in VARIANTS.values()},
        CANNOT_RUN,
        SEES_AHEAD,
        TOLD_TO_DECODE,
        MAY_BE_REFUSED,
        CUTS_ITS_GRADIENT,
        GENERATES_OTHERWISE,
    ],
)
def test_tables_name_types_that_exist(table) -> None:
    assert set(table) <= set(NAMES)
