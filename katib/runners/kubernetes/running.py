"""As what the trials of a study run: what its trial template says of the objects, beside what they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from katib.spec.gjson import Condition
from katib.spec.kinds import JOB, KINDS

Kind = tuple[str, str]
"""(apiVersion, kind)."""


@dataclass(frozen=True, kw_only=True)
class RunsAs:
    """See the module's text.

    Attributes:
        kind: the objects' apiVersion and kind.
        retain: whether they stay when their outcome is on record.
        success, failure: what tells that one has ended. None of a Job whose pod tells it, and better.
        pod_labels: those of the primary pod; none where it has none of its own.
        direction: minimize or maximize, of the first objective.
        known_by: a label that its controller gives its pods, with the object's name; empty where we label them.
    """

    kind: Kind = JOB
    retain: bool = False
    success: Condition | None = None
    failure: Condition | None = None
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    known_by: str = ""
    direction: str = "minimize"

    @classmethod
    def of(cls, effective: Mapping[str, Any]) -> "RunsAs":
        """As what an effective Experiment says."""
        template = effective["spec"]["trialTemplate"]
        manifest = template.get("trialSpec") or {}
        kind = (str(manifest.get("apiVersion")), str(manifest.get("kind")))
        success, failure = template.get("successCondition", ""), template.get("failureCondition", "")
        known = KINDS.get(kind[1])
        by_pod = kind == JOB and (success, failure) == (KINDS["Job"].success, KINDS["Job"].failure)
        return cls(
            kind=kind,
            retain=bool(template.get("retain")),
            success=None if by_pod else Condition(success),
            failure=None if by_pod else Condition(failure),
            pod_labels=dict(template.get("primaryPodLabels") or {}),
            known_by=known.known_by if known is not None else "",
            direction=_direction(effective["spec"]),
        )

    @property
    def by_pod(self) -> bool:
        """Whether the pod tells how a run ended."""
        return self.success is None


def _direction(spec: Mapping[str, Any]) -> str:
    objectives = [spec["objective"]] if spec.get("objective") else spec.get("objectives") or ()
    return next((str(each["type"]) for each in objectives if each.get("type")), "minimize")


JOBS = RunsAs()
"""Of templates that say no more than that they are Jobs."""
