"""Where a trial's metrics file is on this machine.

In a pod the collector's folder is a volume of the trial's own. Here all trials see the same folders, so the path must
be told to the trial: where its command or environment names the collector's file or folder, a folder of the attempt's
own stands for it, in those words and for the collector alike.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from katib.spec.container import Process

FILE_KINDS = frozenset({"File", "TensorFlowEvent"})


@dataclass(frozen=True, kw_only=True)
class Place:
    """A path that the trial is to find somewhere else.

    Attributes:
        path: as the Experiment writes it: the collector's file, or the folder that it is in.
        own: what stands for it.
        folder: the attempt's own folder: `own` itself, or what it is in.
    """

    path: str
    own: Path
    folder: Path

    def moved(self, text: str) -> str:
        """`text` with each mention of the path, or of something below it, moved."""
        return self._mention.sub(lambda _match: str(self.own), text)

    def is_in(self, text: str) -> bool:
        """Whether `text` mentions the path."""
        return self._mention.search(text) is not None

    @property
    def _mention(self) -> re.Pattern[str]:
        # Not within a longer name: /data/m.log is not mentioned by /old/data/m.log or /data/m.log.gz.
        return re.compile(rf"(?<![\w./-]){re.escape(self.path)}(?![\w.-])")


def place_of(collector: Mapping[str, Any], process: Process, own: Path) -> Place | None:
    """What to move for this trial; None when nothing of the collector's is named in its words.

    Args:
        own: the attempt's own folder; need not exist.
    """
    path = collected_path(collector)
    if path is None:
        return None
    words = [*process.argv, *process.env.values()]
    for candidate in _candidates(path, own, is_file=(collector.get("collector") or {}).get("kind") == "File"):
        if any(candidate.is_in(word) for word in words):
            return candidate
    return None


def collected_path(collector: Mapping[str, Any]) -> str | None:
    """The file or folder that the collector reads; None for a kind that reads none."""
    if (collector.get("collector") or {}).get("kind") not in FILE_KINDS:
        return None
    place = (collector.get("source") or {}).get("fileSystemPath") or {}
    return str(PurePosixPath(place["path"])) if place.get("path") else None


def moved_process(process: Process, place: Place) -> Process:
    """The process with the path moved in its words and its environment."""
    return replace(
        process,
        argv=tuple(place.moved(word) for word in process.argv),
        env={name: place.moved(value) for name, value in process.env.items()},
    )


def moved_collector(collector: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The collector's specification with the path moved."""
    source = dict(collector.get("source") or {})
    where = dict(source.get("fileSystemPath") or {})
    where["path"] = place.moved(str(PurePosixPath(where["path"])))
    return {**collector, "source": {**source, "fileSystemPath": where}}


def _candidates(path: str, own: Path, *, is_file: bool) -> list[Place]:
    if not is_file:
        return [Place(path=path, own=own, folder=own)]
    file = PurePosixPath(path)
    whole = Place(path=path, own=own / file.name, folder=own)
    # The file's folder, which a script may be given instead; never the root folder, which everything is below.
    folder = [Place(path=str(file.parent), own=own, folder=own)] if str(file.parent) != "/" else []
    return [whole, *folder]
