"""What stands behind an API server, in this process: controllers that make one pod of an object, and a node that runs
its main container as a process of this machine.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from katib.runners.kubernetes.templates import pod_templates
from katib.testing.api_server import ApiServer, Key, Object, container_status

Status = Callable[[str, str], Object]
"""From `Complete` or `Failed` and a reason to the status of an object."""


def conditions(success: str) -> Status:
    """The status of an object with conditions, as most controllers write it."""

    def status(kind: str, reason: str) -> Object:
        said = {"type": success if kind == "Complete" else kind, "status": "True", "reason": reason}
        return {"conditions": [said | {"message": "as its pod says", "lastTransitionTime": now()}]}

    return status


class Kubelet:
    """Until `stop`.

    Args:
        statuses: plural of the objects that have a controller here -> how it says that they ended.
    """

    def __init__(self, api: ApiServer, statuses: Mapping[str, Status]) -> None:
        self._api, self._statuses = api, statuses
        self._processes: dict[Key, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []
        api.created, api.holds = self._created, self._holds

    def stop(self) -> None:
        """End what runs."""
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join()

    # --- Controllers

    def _created(self, plural: str, found: Object) -> None:
        if plural not in self._statuses:
            return
        namespace, name = found["metadata"]["namespace"], found["metadata"]["name"]
        template = pod_templates(found)[0].holder
        owner = {
            "apiVersion": found["apiVersion"],
            "kind": found["kind"],
            "name": name,
            "uid": found["metadata"]["uid"],
        }
        labels = {**(template["metadata"].get("labels") or {}), "training.kubeflow.org/job-role": "master"}
        # A pod that is still going away holds its name: the next one has another.
        of_pod = f"{name}-{found['metadata']['uid'][:5]}"
        metadata = {"name": of_pod, "labels": labels, "ownerReferences": [owner]}
        made = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": {}}
        pod = self._api.create("pods", namespace, made)
        about = (plural, namespace, name)
        spec = found["spec"]
        limit = spec.get("activeDeadlineSeconds") or (spec.get("runPolicy") or {}).get("activeDeadlineSeconds")
        thread = threading.Thread(target=self._run, args=(about, pod, limit), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _end(self, about: Key, code: int, *, late: bool) -> None:
        reason = "DeadlineExceeded" if late else "PodFailed" if code else "Done"
        with self._api.quiet:
            if about in self._api.objects:
                status = self._statuses[about[0]]("Failed" if late or code else "Complete", reason)
                self._api.patch(about, {"status": status}, part="status")

    # --- The node

    def _run(self, about: Key, pod: Object, limit: float | None) -> None:
        key = ("pods", about[1], pod["metadata"]["name"])
        container = pod["spec"]["containers"][0]
        words = [*container["command"], *(container.get("args") or ())]
        env = {**os.environ, **{each["name"]: each["value"] for each in container.get("env") or ()}}
        begun = now()
        try:
            with self._api.quiet:
                if key not in self._api.objects:
                    return
                process = subprocess.Popen(
                    words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
                )
                self._processes[key] = process
        except OSError as error:
            said = {"exitCode": 128, "reason": "StartError", "message": str(error), "startedAt": begun}
            self._show(key, {"terminated": said | {"finishedAt": now()}}, "Failed")
            self._end(about, 128, late=False)
            return
        self._show(key, {"running": {"startedAt": begun}}, "Running")
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(limit or 0.0, end)
        if limit:
            timer.start()
        self._read(process, key)
        code = process.wait()
        timer.cancel()
        code = 128 - code if code < 0 else code
        ended = {"exitCode": code, "startedAt": begun, "finishedAt": now(), "reason": "Error" if code else "Completed"}
        self._show(key, {"terminated": ended}, "Failed" if code else "Succeeded")
        self._end(about, code, late=late.is_set())
        with self._api.quiet:
            del self._processes[key]
            if self._api.objects.get(key, pod)["metadata"].get("deletionTimestamp"):
                self._api.delete(key)

    def _read(self, process: "subprocess.Popen[bytes]", key: Key) -> None:
        assert process.stdout is not None
        lines = self._api.lines.setdefault((key[1], key[2]), [])
        with process.stdout as printed:
            for line in printed:
                nanoseconds = time.time_ns()
                seconds = datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
                lines.append(f"{seconds}.{nanoseconds % 10**9:09d}Z ".encode() + line)

    def _show(self, key: Key, state: Object, phase: str) -> None:
        with self._api.quiet:
            if key in self._api.objects:
                name = self._api.objects[key]["spec"]["containers"][0]["name"]
                status = {"phase": phase, "containerStatuses": [container_status(name, state)]}
                self._api.patch(key, {"status": status}, part="status")

    def _holds(self, key: Key) -> bool:
        """Whether an object that is to go has to end first; it is told so."""
        process = self._processes.get(key)
        if process is None:
            return False
        grace = self._api.objects[key]["spec"].get("terminationGracePeriodSeconds", 30)
        process.send_signal(signal.SIGTERM)
        threading.Timer(grace, process.kill).start()
        return True


def now() -> str:
    """The time as the API has it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
