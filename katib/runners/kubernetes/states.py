"""What the objects of a run say about it: a Job, its pod, and events about both. Plain data in, values out.

Fields are those of the API's JSON. Sources: the API reference of Job v1 batch, Pod v1 core and Event v1 core.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

from katib.core.run import Cause, Phase, RunReport

Object = Mapping[str, Any]

NEVER_STARTED = frozenset({"StartError", "ContainerCannotRun"})
"""Reasons of a container that ended without its program having run."""
TAKEN = frozenset(
    {"Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting", "UnexpectedAdmissionError"}
)
"""Reasons of a pod that the cluster ended."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of a run last.

    Attributes:
        job, pod: as they were last; None while there is none.
        job_gone, pod_gone: it was there, and is deleted.
        deleted_at: when the pod's deletion was wished, as was seen first; None while it was not.
        stopped: we had it deleted.
        events: messages about the Job and the pod, the latest last, with their reasons.
    """

    container: str
    job: Object | None = None
    pod: Object | None = None
    job_gone: bool = False
    pod_gone: bool = False
    deleted_at: float | None = None
    stopped: bool = False
    events: tuple[tuple[str, str], ...] = field(default=())


def report_of(seen: Seen) -> RunReport | None:
    """How the run stands; None while what was seen does not say why its pod is going away."""
    status = _container_status(seen)
    ended = (status.get("state") or {}).get("terminated")
    if ended is not None:
        return _after_its_end(seen, ended)
    if seen.pod_gone:
        return _without_pod(seen)
    if seen.pod is not None and (seen.pod.get("status") or {}).get("phase") == "Failed":
        # The pod ended before its container began: evicted, refused by the node.
        return _taken(seen) or RunReport(phase=Phase.LOST, message=_pod_message(seen.pod))
    running = (status.get("state") or {}).get("running")
    if running is not None:
        return RunReport(phase=Phase.RUNNING, started_at=moment(running.get("startedAt")))
    if seen.pod is None and (seen.job_gone or _condition(seen.job, "Failed") is not None):
        return _without_pod(seen)
    return RunReport(phase=Phase.STARTING, message=_waits_for(seen, status))


def container_began(seen: Seen) -> bool:
    """Whether the container has a log."""
    state = _container_status(seen).get("state") or {}
    return "running" in state or ("terminated" in state and state["terminated"].get("reason") not in NEVER_STARTED)


def container_is_over(seen: Seen) -> bool:
    """Whether the container prints no more."""
    return seen.pod_gone or "terminated" in (_container_status(seen).get("state") or {})


def sidecar_is_over(seen: Seen, name: str) -> bool:
    """Whether the container beside it prints no more."""
    status = (seen.pod or {}).get("status") or {}
    found = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    state: Object = next((each.get("state") or {} for each in found if each.get("name") == name), {})
    return seen.pod_gone or "terminated" in state


def moment(text: str | None) -> float | None:
    """A time of the API as seconds since the epoch."""
    return None if not text else datetime.fromisoformat(text).timestamp()


def event_of(event: Object) -> tuple[str, str, str]:
    """The name of the object that an event is about, its reason and its message."""
    about = event.get("involvedObject") or {}
    return str(about.get("name")), str(event.get("reason") or ""), str(event.get("message") or "")


def _after_its_end(seen: Seen, ended: Object) -> RunReport | None:
    code = int(ended.get("exitCode", 0))
    began, over = moment(ended.get("startedAt")), moment(ended.get("finishedAt"))
    if ended.get("reason") in NEVER_STARTED:
        return RunReport(phase=Phase.REFUSED, message=str(ended.get("message") or ended["reason"]), ended_at=over)
    cause = _cause(seen)
    if cause is None and (taken := _taken(seen)) is not None:
        return taken
    if cause is None and code and _was_ended_by_deletion(seen, code, over):
        # By whom, the Job's condition says; it may come after its pod's end.
        known = seen.job_gone or _condition(seen.job, "Failed") is not None
        return RunReport(phase=Phase.LOST, message="its pod was deleted while it ran", ended_at=over) if known else None
    number = _signal(ended, code) if cause is not None else None
    return RunReport(
        phase=Phase.ENDED,
        code=None if number is not None else code,
        signal=number,
        cause=cause,
        message=_why(ended),
        started_at=began,
        ended_at=over,
    )


def _cause(seen: Seen) -> Cause | None:
    if seen.stopped:
        return Cause.STOPPED
    for kind in ("Failed", "FailureTarget"):
        condition = _condition(seen.job, kind)
        if condition is not None and condition.get("reason") == "DeadlineExceeded":
            return Cause.DEADLINE
    return Cause.DEADLINE if ((seen.pod or {}).get("status") or {}).get("reason") == "DeadlineExceeded" else None


def _signal(ended: Object, code: int) -> int | None:
    """The signal that ended a container. Its exit code is 128 more, as a shell has it."""
    number = int(ended.get("signal") or 0) or code - 128
    return number if number in {each.value for each in Signals} else None


def _why(ended: Object) -> str:
    if ended.get("reason") == "OOMKilled":
        return "OOMKilled: the container used more memory than its limit; give it more in resources.limits.memory"
    return str(ended.get("message") or "")


def _taken(seen: Seen) -> RunReport | None:
    """The report of a pod that the cluster took away; None for one that it left alone."""
    if seen.pod is None:
        return None
    status = seen.pod.get("status") or {}
    disrupted = _condition(seen.pod, "DisruptionTarget")
    if disrupted is None and status.get("reason") not in TAKEN:
        return None
    if disrupted is not None:
        said = f"{disrupted.get('reason')}: {disrupted.get('message') or 'the cluster took its pod away'}"
    else:
        said = _pod_message(seen.pod)
    return RunReport(phase=Phase.LOST, message=said)


def _without_pod(seen: Seen) -> RunReport | None:
    """The report of a run whose pod, or whose Job before it had one, is gone without its end having been seen."""
    cause = _cause(seen)
    if cause is not None:
        return RunReport(phase=Phase.ENDED, cause=cause)
    taken = _taken(seen)
    if taken is not None:
        return taken
    if _condition(seen.job, "Complete") is not None:
        return RunReport(phase=Phase.ENDED, code=0, message="its pod was gone before the end of its log was read")
    if seen.job_gone:
        return RunReport(phase=Phase.LOST, message="its Job was deleted by somebody else")
    failed = _condition(seen.job, "Failed")
    if failed is None:
        return None
    said = "; ".join(filter(None, (str(failed.get("message") or ""), *(message for _, message in seen.events[-1:]))))
    return RunReport(phase=Phase.LOST, message=f"its pod was deleted, and nobody saw how it ended: {said}")


def _waits_for(seen: Seen, status: Object) -> str:
    """What keeps a run from starting, in the cluster's own words; empty when nothing is known to."""
    waiting = (status.get("state") or {}).get("waiting") or {}
    if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        return _said(waiting.get("reason"), waiting.get("message") or _last_event(seen, "Failed"))
    if seen.pod is not None:
        scheduled = _condition(seen.pod, "PodScheduled", "False")
        if scheduled is not None:
            return _said(scheduled.get("reason"), scheduled.get("message"))
        for each in (seen.pod.get("status") or {}).get("initContainerStatuses") or ():
            held = (each.get("state") or {}).get("waiting") or {}
            if held.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                return f"init container {each['name']}: {_said(held['reason'], held.get('message'))}"
        return _last_event(seen, "FailedMount", "FailedCreatePodSandBox", "FailedAttachVolume")
    if seen.job is not None and (seen.job.get("spec") or {}).get("suspend"):
        return "its Job is suspended: whoever queues Jobs here has not admitted it yet"
    return _last_event(seen, "FailedCreate")


def _said(reason: object, message: object) -> str:
    return ": ".join(str(part) for part in (reason, message) if part)


def _last_event(seen: Seen, *reasons: str) -> str:
    found = [_said(reason, message) for reason, message in seen.events if reason in reasons]
    return found[-1] if found else ""


def _pod_message(pod: Object) -> str:
    status = pod.get("status") or {}
    return _said(status.get("reason"), status.get("message")) or "its pod failed"


def deleted_at(pod: Object | None) -> float | None:
    """When somebody wished a pod deleted; None when nobody has. The API tells when its grace ends, and shortens that
    once its containers are over: good is what it tells first.
    """
    metadata = (pod or {}).get("metadata") or {}
    gone_at = moment(metadata.get("deletionTimestamp"))
    return None if gone_at is None else gone_at - float(metadata.get("deletionGracePeriodSeconds") or 0)


def _was_ended_by_deletion(seen: Seen, code: int, end: float | None) -> bool:
    wished = deleted_at(seen.pod) if seen.deleted_at is None else seen.deleted_at
    if wished is None:
        return False
    return code in (128 + SIGTERM, 128 + SIGKILL) or end is None or end >= wished


def _container_status(seen: Seen) -> Object:
    statuses: Iterable[Object] = ((seen.pod or {}).get("status") or {}).get("containerStatuses") or ()
    return next((each for each in statuses if each.get("name") == seen.container), {})


def _condition(of: Object | None, kind: str, status: str = "True") -> Object | None:
    conditions: Iterable[Object] = ((of or {}).get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == kind and each.get("status") == status), None)
