"""Memory that really runs out is recognised, whoever notices it."""

from __future__ import annotations

import gc
import mmap
import resource
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from analysis.engine.memory import Attempt, free_bytes, is_out_of_memory, readable

CPU = torch.device("cpu")


@pytest.fixture
def confined() -> Iterator[None]:
    """An address space with 64 MB left."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A safetensors file of 128 MB."""
    file = tmp_path_factory.mktemp("weights") / "large.safetensors"
    save_file({"x": torch.zeros(2**25)}, file)
    return file


pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="the limit is set from /proc"
)


def _read(file: Path) -> None:
    with safe_open(file, "pt") as tensors:
        tensors.get_tensor("x")


@pytest.mark.parametrize(
    "waste",
    [
        lambda _: torch.zeros(2**25),
        lambda _: bytearray(2**27),
        lambda file: mmap.mmap(-1, 2**27),
        _read,
    ],
    ids=["tensor", "bytes", "memory map", "weights"],
)
def test_an_allocation_that_fails_is_out_of_memory(
    large: Path, confined: None, waste: Callable[[Path], object]
) -> None:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - the kinds differ, that is the point
        waste(large)
    assert is_out_of_memory(caught.value)


def test_other_errors_are_not() -> None:
    for error in (RuntimeError("size mismatch"), FileNotFoundError(2, "x"), ValueError("memory")):
        assert not is_out_of_memory(error)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))


def test_after_an_attempt_that_failed_nothing_of_it_is_left() -> None:
    left: list[weakref.ref[torch.Tensor]] = []

    def fill() -> None:
        half_computed = torch.ones(3)
        left.append(weakref.ref(half_computed))
        raise torch.OutOfMemoryError("CUDA out of memory")

    gc.disable()
    try:
        with Attempt() as attempt:
            fill()
        assert attempt.failed
        assert left[0]() is None
    finally:
        gc.enable()


def test_an_attempt_passes_on_other_errors_and_the_last_one_all() -> None:
    with pytest.raises(ValueError, match="other"), Attempt():
        raise ValueError("other")
    with pytest.raises(torch.OutOfMemoryError), Attempt(final=True):
        raise torch.OutOfMemoryError
    with Attempt() as attempt:
        pass
    assert not attempt.failed


def test_a_limit_on_the_process_counts_as_memory_that_is_not_free(confined: None) -> None:
    assert 0 < free_bytes(CPU) <= 64 * 2**20


def test_sizes_read_well() -> None:
    assert [readable(size) for size in (13_476_839_424, 1_500_000)] == ["13.5 GB", "1.5 MB"]
