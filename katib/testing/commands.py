"""Runs commands of `katib` in processes that are forked from one that has imported what they need.

Most of what a short command costs is the start of its interpreter. A forked one is a process of its own all the same:
with its own folder, environment, output and exit code.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PRELOADED = (
    "katib.cli.main",
    "katib.embedded.leftovers",
    "katib.embedded.progress",
    "katib.runners.local",
    "katib.service.explain",
    "katib.service.export",
    "katib.service.reports",
    "katib.service.studies",
    "katib.service.trials",
    "katib.service.views",
    "katib.stores.opening",
    "katib.testing.commands",
)
"""What commands import that look at a store: they start no threads and open nothing as they are imported."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(list(PRELOADED))


def run_forked(words: Sequence[str], *, folder: Path, env: Mapping[str, str], patience: float) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of `katib WORDS…` in a folder.

    Args:
        patience: seconds.

    Raises:
        TimeoutError: it took longer, and was killed.
    """
    with tempfile.TemporaryDirectory(prefix="katib-command-") as given:
        out, err = Path(given, "out"), Path(given, "err")
        process = _FORKS.Process(target=_command, args=(list(words), str(folder), dict(env), str(out), str(err)))
        process.start()
        process.join(patience)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"katib {' '.join(words)} took longer than {patience} s")
        code = process.exitcode
        process.close()
        return code, out.read_text(errors="replace"), err.read_text(errors="replace")


def _command(words: list[str], folder: str, env: dict[str, str], out: str, err: str) -> None:
    from katib.cli.main import run

    for number, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["katib", *words]
    run()
