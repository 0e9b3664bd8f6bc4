"""Tells whether a folder is on a file system that machines share."""

from __future__ import annotations

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")

# As Linux names them; those in user space (sshfs, gcsfuse) are "fuse." and a name.
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "gpfs"),
    *("beegfs", "orangefs", "pvfs2", "panfs", "wekafs", "gfs2", "ocfs2"),
}


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
