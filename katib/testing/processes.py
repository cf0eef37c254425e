"""What a test asks of a process by its number."""

from pathlib import Path


def has_ended(pid: int) -> bool:
    """Whether a process runs no more; its parent may not have noticed yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        # The second: it went between the opening of the file and the reading.
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"
