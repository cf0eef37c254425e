"""What the objects of a run say about it: a Job or another one, its pod, events about both. Plain data in, values out.

Fields are those of the API's JSON. Sources: the API reference of Job v1 batch, Pod v1 core and Event v1 core.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

from katib.core.run import Cause, Phase, RunReport
from katib.spec.gjson import Condition

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
        kind: what its object is.
        success, failure: what tells that it has ended; None of a Job whose pod tells it.
        has_pod: whether a pod with the container is to be seen.
        job, pod: its object and its primary pod as they were last; None while there is none.
        job_gone, pod_gone: it was there, and is deleted.
        deleted_at: when the pod's deletion was wished, as was seen first; None while it was not.
        stopped: we had it deleted.
        events: messages about the Job and the pod, the latest last, with their reasons.
    """

    container: str
    kind: str = "Job"
    success: Condition | None = None
    failure: Condition | None = None
    has_pod: bool = True
    job: Object | None = None
    pod: Object | None = None
    job_gone: bool = False
    pod_gone: bool = False
    deleted_at: float | None = None
    stopped: bool = False
    events: tuple[tuple[str, str], ...] = field(default=())


def report_of(seen: Seen) -> RunReport | None:
    """How the run stands; None while what was seen does not say why its pod is going away."""
    if seen.success is not None and seen.failure is not None:
        return _by_conditions(seen, seen.success, seen.failure)
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


def _by_conditions(seen: Seen, success: Condition, failure: Condition) -> RunReport:
    """How a run stands whose object has a controller of its own: that one decides about restarts, and when it is over.

    Katib's order: failure first.
    """
    found = seen.job or {}
    status = _container_status(seen)
    state = status.get("state") or {}
    ended: Object = state.get("terminated") or {}
    end = RunReport(
        phase=Phase.ENDED,
        cause=Cause.STOPPED if seen.stopped else None,
        started_at=moment((ended or state.get("running") or {}).get("startedAt")) or _created(found),
        ended_at=moment(ended.get("finishedAt")),
    )
    if seen.stopped and (number := _signal(ended, int(ended.get("exitCode", 0)))) is not None:
        end = replace(end, signal=number)
    if (said := failure.met_by(found)) is not None:
        if ended.get("reason") in NEVER_STARTED:
            said_of_start = str(ended.get("message") or ended["reason"])
            return RunReport(phase=Phase.REFUSED, message=said_of_start, ended_at=end.ended_at)
        if not seen.stopped and (taken := _taken(seen)) is not None:
            return taken
        cause = Cause.DEADLINE if not seen.stopped and said.reason == "DeadlineExceeded" else end.cause
        words = ": ".join(filter(None, (f"its {seen.kind} failed", said.reason, said.message)))
        code = int(ended.get("exitCode", 0)) or None
        return replace(end, code=code, cause=cause, message=_why(ended), trouble=words)
    if success.met_by(found) is not None:
        unseen = seen.has_pod and seen.pod is None
        return replace(end, code=0, message=f"no pod of it with a container {seen.container!r} was seen" * unseen)
    if seen.job_gone and seen.stopped and (seen.pod is None or container_is_over(seen)):
        return end
    if seen.job_gone and not seen.stopped:
        return RunReport(phase=Phase.LOST, message=f"its {seen.kind} was deleted by somebody else")
    waits_for = _waits_for(seen, status)
    if "running" in state or (not seen.has_pod and seen.job is not None and not waits_for):
        return RunReport(phase=Phase.RUNNING, started_at=end.started_at)
    return RunReport(phase=Phase.STARTING, message=waits_for)


def may_have_more(seen: Seen) -> bool:
    """Whether news of the pod may be on their way, of a run that is over by its object: the two are told apart."""
    if seen.stopped or not seen.has_pod:
        return False
    if seen.pod is None:
        return True
    over = (seen.pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")
    return seen.success is not None and not over and not container_is_over(seen)


def is_primary(seen: Seen, pod: Object, pod_labels: Mapping[str, str]) -> bool:
    """Whether a pod of a run is the one that trains."""
    if seen.success is None:
        return True
    labels = pod["metadata"].get("labels") or {}
    names = [each.get("name") for each in (pod.get("spec") or {}).get("containers") or ()]
    return pod_labels.items() <= labels.items() and seen.container in names


def takes_its_place(seen: Seen, pod: Object) -> bool:
    """Whether a pod is another one than was seen so far, made by the run's controller for one that has ended."""
    if seen.pod is None or seen.success is None or seen.pod["metadata"]["uid"] == pod["metadata"]["uid"]:
        return False
    over = seen.pod_gone or (seen.pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")
    return over and not pod["metadata"].get("deletionTimestamp")


def _created(found: Object) -> float | None:
    return moment((found.get("metadata") or {}).get("creationTimestamp"))


def _is_suspended(found: Object) -> bool:
    spec = found.get("spec") or {}
    return bool(spec.get("suspend") or (spec.get("runPolicy") or {}).get("suspend"))


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
    if seen.job is not None and _is_suspended(seen.job):
        return f"its {seen.kind} is suspended: whoever queues them here has not admitted it yet"
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
