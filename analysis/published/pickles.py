"""Reads the published pickle of a case without running what is in it.

A pickle names the functions that make its objects, and loading it calls them. Here only the names
that a numpy array needs are known, and stand-ins take their place, which call nothing and keep what
they are given; the array is then made from its bytes.
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.problems import ProblemError, problem

_NUMBERS = {"f2", "f4", "f8", "u1", "i4", "i8"}


class PublishedCase(NamedTuple):
    """What the file of a case holds.

    Attributes:
        id: The case's name.
        prompt: Its N prompt tokens, in the form of `analysis.saliency.cases.tokens`.
        reference: The dataset's answer.
        response: Its M response tokens.
        values: float64 [N, M], scores or signed importance.
    """

    id: str
    prompt: list[str]
    reference: str
    response: list[str]
    values: NDArray[np.float64]


def read_case(path: Path) -> PublishedCase:
    """The case of a ``.pkl`` file.

    Raises:
        ProblemError: ``storage``: it is damaged, cut short, or holds something else.
    """
    try:
        found = _Unpickler(io.BytesIO(path.read_bytes())).load()
    except OSError as error:
        raise problem("storage", f"{path} cannot be read.", f"{error.strerror}.") from None
    except EOFError:
        raise _broken(path, "It is cut short.") from None
    except Exception as error:  # A damaged pickle may raise anything.
        raise _broken(path, f"It is no pickle of a case: {error}.") from None
    if not isinstance(found, dict):
        raise _broken(path, "It holds no dictionary.")
    for name, kind in (("ID", str), ("Input", list), ("Output", list), ("Explain", _Array)):
        if not isinstance(found.get(name), kind):
            raise _broken(path, f"It has no entry {name!r} of the published kind.")
    prompt, response = found["Input"], found["Output"]
    if not all(isinstance(each, str) for each in (*prompt, *response)):
        raise _broken(path, "Its tokens are not text.")
    try:
        values = found["Explain"].numbers()
    except ValueError as error:
        raise _broken(path, f"Its numbers cannot be read: {error}.") from None
    if not response and not values.size:
        values = values.reshape(len(prompt), 0)
    if values.shape != (len(prompt), len(response)):
        raise _broken(
            path,
            f"It has {len(prompt)} prompt tokens and {len(response)} response tokens, and numbers "
            f"of shape {values.shape}.",
        )
    if not np.isfinite(values).all():
        raise _broken(path, "Not all of its numbers are finite.")
    return PublishedCase(found["ID"], prompt, str(found.get("Reference", "")), response, values)


class _DType:
    """Stands for numpy's dtype: a kind with a width, and a byte order."""

    def __init__(self, code: Any = "", *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]


class _Array:
    """Stands for numpy's array, and for its name where that is an argument."""

    shape: Any = None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.fortran, self.data = state

    def numbers(self) -> NDArray[np.float64]:
        """The array; raises ValueError for one of anything but numbers, or of too few bytes."""
        if not isinstance(self.shape, tuple) or not all(
            isinstance(each, int) and each >= 0 for each in self.shape
        ):
            raise ValueError("they have no shape")
        if not isinstance(self.dtype, _DType) or self.dtype.code not in _NUMBERS:
            raise ValueError("they are of an unknown kind")
        if self.dtype.order not in ("<", ">", "=", "|"):
            raise ValueError("they are in an unknown order of bytes")
        dtype = np.dtype(f"{self.dtype.order}{self.dtype.code}")
        size = math.prod(self.shape) * dtype.itemsize
        if not isinstance(self.data, bytes) or len(self.data) != size:
            raise ValueError(f"{size} bytes are needed and others are there")
        values = np.frombuffer(self.data, dtype).astype(np.float64)
        shape: tuple[int, ...] = self.shape
        return values.reshape(shape, order="F" if self.fortran else "C")


def _new_array(*_: Any) -> _Array:
    return _Array()


class _Unpickler(pickle.Unpickler):
    _KNOWN = {  # noqa: RUF012
        ("numpy.core.multiarray", "_reconstruct"): _new_array,
        ("numpy._core.multiarray", "_reconstruct"): _new_array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _DType,
    }

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name; anything else is refused."""
        if (module, name) not in self._KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no map needs")
        return self._KNOWN[module, name]


def _broken(path: Path, why: str) -> ProblemError:
    return problem("storage", f"{path} is broken.", why, "Fetch the file again.")
