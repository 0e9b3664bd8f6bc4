"""Free memory of a device, recognising out-of-memory errors, and trying again after one."""

from __future__ import annotations

import ctypes
import errno
import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import torch

_MARKS = ("can't allocate memory", "cannot allocate memory", "out of memory", "bad_alloc")
_UNLIMITED = 1 << 62
_MEMINFO = Path("/proc/meminfo")
_OVERCOMMIT = Path("/proc/sys/vm/overcommit_memory")
_CGROUP = Path("/sys/fs/cgroup")
# mallopt(3): the block size from which freed memory goes back to the system. glibc raises it by
# itself, up to the largest.
_MMAP_THRESHOLD, _SMALL, _LARGEST = -3, 1 << 18, 32 << 20


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # Allocators, memory maps and kernels raise a plain RuntimeError; only its text tells.
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(mark in text for mark in _MARKS)


class Attempt:
    """A context that swallows out-of-memory errors, so that something smaller can be tried.

        with Attempt() as attempt:
            return compute(batch)
        release(device)
        return compute(batch[:1])

    The error and its handler refer to the half-finished computation, which is freed only after
    the context: release memory there, not earlier, and once nothing else refers to it.

    Args:
        final: There is nothing smaller to try; the error passes through.

    Attributes:
        failed: Memory ran out.
    """

    def __init__(self, *, final: bool = False) -> None:
        self.failed = False
        self._final = final

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Swallow an out-of-memory error unless the attempt is final."""
        self.failed = isinstance(error, Exception) and is_out_of_memory(error)
        return self.failed and not self._final


def free_bytes(device: torch.device) -> int:
    """Bytes available for new tensors on a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + unused
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()
    return min(_free_in_system(), _free_in_container(), _free_in_process())


def release(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


@contextmanager
def returned_at_once() -> Iterator[None]:
    """Return the memory of CPU tensors to the system as soon as they are freed.

    The C library keeps freed blocks up to 32 MiB. When some tensors stay and others go, as in a
    pass that keeps every layer's input, the gaps between them are too small for larger tensors:
    8,000 tokens of a GPT-2 took four times the memory of the tensors. Returning every block costs
    time, so use this only when memory is scarce.
    """
    set_option = _mallopt()
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, _SMALL)
    try:
        yield
    finally:
        if set_option is not None:
            set_option(_MMAP_THRESHOLD, _LARGEST)


def _mallopt() -> Callable[[int, int], int] | None:
    if sys.platform != "linux":
        return None
    function = getattr(ctypes.CDLL(None), "mallopt", None)
    return None if function is None else cast("Callable[[int, int], int]", function)


def mappable_bytes() -> int:
    """The largest file that can be mapped to be read by torch.

    torch maps a file writable, and Linux refuses what memory and swap together could not hold.
    """
    try:
        if _OVERCOMMIT.read_text(encoding="ascii").strip() == "1":
            return _UNLIMITED
        lines = [line.split() for line in _MEMINFO.read_text(encoding="ascii").splitlines()]
    except OSError:
        return _UNLIMITED
    held = sum(int(line[1]) for line in lines if line[0] in ("MemTotal:", "SwapTotal:"))
    return held * 1024


def readable(size: int) -> str:
    """Format a number of bytes: ``13.5 GB``."""
    if size >= 10**9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB"


def _free_in_system() -> int:
    try:
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    # macOS reports only the total; half of it is a cautious guess.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _free_in_container() -> int:
    """Bytes left in the container's control group; ``_UNLIMITED`` without one."""
    try:
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        statistics = (_CGROUP / "memory.stat").read_text(encoding="ascii")
    except (OSError, ValueError):
        return _UNLIMITED
    # File pages count as used but are reclaimed on demand.
    cached = sum(
        int(line.split()[1])
        for line in statistics.splitlines()
        if line.startswith(("inactive_file ", "active_file "))
    )
    return max(limit - used + cached, 0)


def _free_in_process() -> int:
    """Bytes left under a limit on the process's address space (``ulimit -v``)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return _UNLIMITED
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return _UNLIMITED
    return max(limit - pages * os.sysconf("SC_PAGE_SIZE"), 0)
