"""Where an SQLite file may not be: on a file system that another machine may write too.

SQLite's write-ahead log needs memory shared by all its users and locks that hold between them; a network file system
has neither, and the file is corrupted sooner or later (https://sqlite.org/wal.html).
"""

import re
from pathlib import Path

from katib.errors import StoreMisplaced

_NETWORK = ("nfs", "nfs3", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs")
_CLUSTER = ("ceph", "lustre", "beegfs", "gpfs", "pvfs2", "orangefs", "glusterfs")
_FUSE = (
    "sshfs",
    "ceph",
    "glusterfs",
    "lustre",
    "s3fs",
    "mount-s3",
    "gcsfuse",
    "blobfuse2",
    "goofys",
    "rclone",
    "juicefs",
)

NETWORK_FILE_SYSTEMS = frozenset({*_NETWORK, *_CLUSTER, *(f"fuse.{name}" for name in _FUSE)})
"""Types as the kernel names them. Not 9p: it joins a machine to its own guests, all under one host's locks."""

MOUNTINFO = Path("/proc/self/mountinfo")


def refuse_network_file_system(file: Path, *, mountinfo: Path = MOUNTINFO) -> None:
    """Raise StoreMisplaced when `file` is, or would be, on a network file system.

    Args:
        mountinfo: the kernel's list of mounts (proc(5)); where there is none, nothing is refused.
    """
    try:
        mounts = mountinfo.read_text(errors="surrogateescape")
    except OSError:
        return
    point, kind = _mount_of(file.resolve(), mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreMisplaced(
            f"{file} is on a network file system ({kind}, mounted at {point}), where SQLite's locks do not hold",
            hint="give a file on a local disk with --db, or the URL of a PostgreSQL or MySQL server",
        )


def _mount_of(file: Path, mounts: str) -> tuple[Path, str]:
    """The mount point that `file` is under and the type of what is mounted there. The last mount hides the others."""
    found, kind = Path("/"), ""
    for line in mounts.splitlines():
        fields, _, source = line.partition(" - ")
        point = Path(_unescaped(fields.split(" ")[4]))
        if file.is_relative_to(point) and len(point.parts) >= len(found.parts):
            found, kind = point, source.split(" ")[0]
    return found, kind


def _unescaped(text: str) -> str:
    """Spaces and other separators stand there as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
