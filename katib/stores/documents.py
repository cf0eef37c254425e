"""A study's two documents, which never change: copied out for every reader, so copying has to be cheap."""

import json
import marshal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from katib.core.objective import Objective
from katib.core.study import Study


@dataclass(frozen=True, kw_only=True, slots=True)
class Documents:
    """What is fixed about a study for life; `onto` gives a study copies of its own.

    Attributes:
        document, effective: as marshal keeps plain data: in this process only, and the fastest there is to copy from.
    """

    document: bytes
    effective: bytes
    objective: Objective
    further_objectives: tuple[Objective, ...] = ()

    @classmethod
    def of(cls, study: Study) -> "Documents":
        """Those of a study that a user gave. Raises TypeError when they are not plain data."""
        return cls.from_json(json.dumps(study.document), json.dumps(study.effective), study.objectives)

    @classmethod
    def from_json(cls, document: str, effective: str, objectives: tuple[Objective, ...]) -> "Documents":
        """Those that were stored as JSON texts."""
        return cls(
            document=marshal.dumps(json.loads(document)),
            effective=marshal.dumps(json.loads(effective)),
            objective=objectives[0],
            further_objectives=objectives[1:],
        )

    def onto(self, study: Study) -> Study:
        """`study` with fresh copies of everything in it that can be changed."""
        return replace(
            study,
            document=self.copied_document(),
            effective=self.copied_effective(),
            objective=_copied(self.objective),
            further_objectives=tuple(map(_copied, self.further_objectives)),
            overrides=dict(study.overrides),
            summary=replace(study.summary, counts=dict(study.summary.counts)),
        )

    def copied_document(self) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], marshal.loads(self.document))  # noqa: S302 - made above, from JSON

    def copied_effective(self) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], marshal.loads(self.effective))  # noqa: S302 - made above, from JSON


def _copied(objective: Objective) -> Objective:
    return replace(objective, strategies=dict(objective.strategies))
