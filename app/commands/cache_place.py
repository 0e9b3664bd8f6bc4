"""Where ``--cache-dir`` keeps results: a folder, or an address that machines share."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from analysis.problems import ProblemError, problem
from cache.address import folder_at, is_address

if TYPE_CHECKING:
    from cache.errors import CacheAddressError


def cache_place(options: Namespace) -> Path | str:
    """The folder or the address of stored results."""
    given: str | None = getattr(options, "cache_dir", None)
    return given if given and is_address(given) else cache_folder(options)


def cache_folder(options: Namespace) -> Path:
    """The folder of what is kept beside results, such as word vectors made ready.

    It is on this machine, in the usual place, where results are at an address.
    """
    given: str | None = getattr(options, "cache_dir", None)
    if given and is_address(given):
        return folder_at(given) or usual_folder()
    return Path(given).expanduser() if given else usual_folder()


def named_place(options: Namespace) -> str:
    """The place as another command names it, from any folder; empty for the usual one.

    Raises ProblemError, ``input``, for an address that nothing here can use.
    """
    given: str = getattr(options, "cache_dir", None) or ""
    if given and is_address(given):
        check_place(given)
        return given
    return str(Path(given).expanduser().absolute()) if given else ""


def check_place(address: str) -> None:
    """Raise ProblemError, ``input``, for an address that nothing here can use."""
    # Imported here: they import fsspec.
    from cache.errors import CacheAddressError
    from cache.objects import check_address

    try:
        check_address(address)
    except CacheAddressError as error:
        raise unusable(address, error) from error


def unusable(place: Path | str, error: CacheAddressError) -> ProblemError:
    """Says that nothing here can use an address, and what would."""
    return problem("input", f"No results can be kept at {place}.", error.reason, error.remedy)


def usual_folder() -> Path:
    """Where results are kept unless the user says otherwise."""
    return user_cache_path("insttui", appauthor=False)
