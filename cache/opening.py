"""Opens the cache that a user names, as what it is: this machine's own, or shared by many.

Nobody has to say that a folder is shared. It is if it lies on a network file system, or if somebody
shared it before; ``file://`` makes one of any other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from cache.address import folder_at, is_address, protocol_of
from cache.blobs import RESULTS
from cache.errors import CacheError
from cache.folder import Folder
from cache.results import Results
from cache.shared import SharedStore
from cache.store import Store

_MOUNTS = Path("/proc/self/mountinfo")

# As Linux names them; those in user space (sshfs, gcsfuse) are "fuse." and a name.
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs"),
    *("beegfs", "orangefs", "pvfs2", "panfs", "wekafs", "gfs2", "ocfs2"),
}


def open_results(place: Path | str, copies: Path | None = None) -> Results:
    """The cache in a folder or at an address.

    Args:
        place: A path, or an address such as ``s3://bucket/path`` or ``file:///folder``.
        copies: A folder on this machine for copies of what is read from an address.

    Raises:
        CacheAddressError: Nothing that is installed knows the address's protocol.
        CacheUnavailableError: The folder can be neither written nor read.
    """
    if isinstance(place, str) and is_address(place):
        folder = folder_at(place)
        return SharedStore(Folder(folder)) if folder else _at_address(place, copies)
    path = Path(place).absolute()
    is_shared = (path / RESULTS).is_dir() or is_on_network(path)
    return SharedStore(Folder(path)) if is_shared else Store(path)


def _at_address(address: str, copies: Path | None) -> Results:
    from cache.objects import Objects

    objects = Objects(address)
    near = None
    if copies is not None and protocol_of(address) != "memory":
        # One folder an address: what is copied from one is not taken to be in another.
        name = hashlib.sha256(address.encode()).hexdigest()[:16]
        with contextlib.suppress(CacheError):
            near = Store(copies / name)
    return SharedStore(objects, near)


def is_on_network(path: Path) -> bool:
    """Whether a folder, or where it will be made, is on a file system that machines share.

    False where the system does not say: macOS has no list of mounts to read.
    """
    there = next((each for each in (path, *path.parents) if each.exists()), None)
    if there is None:
        return False
    try:
        device = there.stat().st_dev
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kinds = {_kind(line) for line in lines if line.split()[2:3] == [wanted]}
    return any(kind in _NETWORK or kind.startswith("fuse.") for kind in kinds)


def _kind(line: str) -> str:
    """The file system of a line such as ``36 35 98:0 / /mnt rw - ext4 /dev/sda rw``."""
    return (line.partition(" - ")[2].split() or [""])[0]
