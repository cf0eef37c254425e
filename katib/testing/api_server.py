"""As much of a Kubernetes API server as the engine talks to, in this process: objects, watches, owners, finalizers, and
a kubelet that lets each Job's container print what a test says. A real one is in tests/cluster; this one is quick.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kubernetes import client

Object = dict[str, Any]
Key = tuple[str, str, str]
"""(plural, namespace, name)."""

METADATA = ("apiVersion", "kind", "metadata")
NOT_FOUND, CONFLICT, UNPROCESSABLE = 404, 409, 422


@dataclass(frozen=True)
class Change:
    """What a watch is told."""

    kind: str
    key: Key
    found: Object


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class ApiServer:
    """From `start` to `stop`.

    Attributes:
        run: what a Job's container prints, and its exit code. None: nothing runs, pods stay pending.
        plays: whether Jobs get pods here.
        kinds: apiVersion -> kind -> plural, of what CRDs have brought.
        created: called with the plural and each object that was made.
        holds: called with what is to be deleted: whether it goes later by itself.
        lines: of a pod's log, each with its time before it; `logs` has those without.
        writes: every request that changed something: method, plural, name.
        watches: the plural of every watch that was begun.
    """

    run: Callable[[Object], tuple[str, int]] | None = None
    plays: bool = True
    kinds: dict[str, dict[str, str]] = field(default_factory=dict)
    created: Callable[[str, Object], None] = lambda _plural, _found: None
    holds: Callable[[Key], bool] = lambda _key: False
    lines: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    writes: list[tuple[str, str, str]] = field(default_factory=list)
    watches: list[str] = field(default_factory=list)
    objects: dict[Key, Object] = field(default_factory=dict)
    logs: dict[tuple[str, str], str] = field(default_factory=dict)
    _changes: list[Change] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _stopped: bool = False

    def start(self) -> "ApiServer":
        """Listen."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Listen no more."""
        with self._news:
            self._stopped = True
            self._news.notify_all()
        self._http.shutdown()
        self._http.server_close()

    def client(self) -> client.ApiClient:
        """A client of it."""
        configuration = client.Configuration()
        configuration.host = f"http://127.0.0.1:{self._http.server_address[1]}"
        configuration.retries = False
        configuration.connection_pool_maxsize = 50
        return client.ApiClient(configuration)

    def all(self, plural: str, namespace: str = "") -> list[Object]:
        """The objects of a kind."""
        with self._news:
            return [each for key, each in self.objects.items() if key[0] == plural and namespace in ("", key[1])]

    def until(self, holds: Callable[[], Any], seconds: float = 20.0) -> Any:
        """The first true value of `holds`, which is asked after each change. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(holds, seconds):
                raise TimeoutError("it did not come to hold")
            return holds()

    # --- What requests do

    def create(self, plural: str, namespace: str, body: Object) -> Object:
        """Create an object. Raises Refusal."""
        metadata = {"generation": 1, **body["metadata"], "namespace": namespace}
        if "generateName" in metadata:
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:8]
        key = (plural, namespace, metadata["name"])
        with self._news:
            if key in self.objects:
                raise Refusal(CONFLICT, f'{plural} "{metadata["name"]}" already exists')
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            made = {**body, "metadata": {**metadata, "uid": str(uuid.uuid4()), "creationTimestamp": now}}
            if plural not in ("jobs", "pods"):
                made.pop("status", None)
            made = self._put("ADDED", key, made)
            if plural == "jobs" and self.plays:
                self._start_pod(namespace, made)
            self.created(plural, made)
        return made

    def read(self, key: Key) -> Object:
        """An object. Raises Refusal."""
        with self._news:
            if key not in self.objects:
                raise Refusal(NOT_FOUND, f'{key[0]} "{key[2]}" not found')
            return self.objects[key]

    def patch(self, key: Key, change: Object, *, part: str = "") -> Object:
        """Change an object, or its status only. Raises Refusal."""
        with self._news:
            found = self.read(key)
            version = change.get("metadata", {}).get("resourceVersion")
            if version not in (None, found["metadata"]["resourceVersion"]):
                raise Refusal(CONFLICT, "the object has been modified")
            wanted = (
                {"status": change["status"]} if part == "status" else {k: v for k, v in change.items() if k != "status"}
            )
            merged = _merged(found, wanted)
            if merged == found:
                return found
            if merged.get("spec") != found.get("spec"):
                merged = _merged(merged, {"metadata": {"generation": found["metadata"]["generation"] + 1}})
            last_finalizer = found["metadata"].get("finalizers") and not merged["metadata"].get("finalizers")
            if merged["metadata"].get("deletionTimestamp") and last_finalizer:
                return self._gone(key)
            return self._put("MODIFIED", key, merged)

    def delete(self, key: Key) -> Object:
        """Delete an object, and what belongs to it. Raises Refusal."""
        with self._news:
            found = self.read(key)
            if found["metadata"].get("finalizers") or self.holds(key):
                now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                return self._put("MODIFIED", key, _merged(found, {"metadata": {"deletionTimestamp": now}}))
            return self._gone(key)

    def watch(self, plural: str, namespace: str, chosen: Callable[[Object], bool], after: int) -> Iterator[bytes]:
        """What changes, as lines."""
        seen = after
        while not self._stopped:
            with self._news:
                if len(self._changes) == seen and not self._stopped:
                    self._news.wait(0.5)
                fresh = self._changes[seen:]
                seen += len(fresh)
            for change in fresh:
                if change.key[0] == plural and namespace in ("", change.key[1]) and chosen(change.found):
                    yield json.dumps({"type": change.kind, "object": change.found}).encode() + b"\n"

    @property
    def quiet(self) -> threading.Condition:
        """Held while nothing is to change."""
        return self._news

    @property
    def version(self) -> int:
        """Of all objects together."""
        return len(self._changes)

    def _put(self, kind: str, key: Key, found: Object) -> Object:
        metadata = {**found["metadata"], "resourceVersion": str(len(self._changes) + 1)}
        stored = {**found, "metadata": metadata}
        self.objects[key] = stored
        self._changes.append(Change(kind, key, stored))
        self._news.notify_all()
        return stored

    def _gone(self, key: Key) -> Object:
        found = self.objects.pop(key)
        self._changes.append(Change("DELETED", key, found))
        self._news.notify_all()
        uid = found["metadata"]["uid"]
        owned = [
            each
            for each, other in self.objects.items()
            if any(owner["uid"] == uid for owner in other["metadata"].get("ownerReferences") or ())
        ]
        for each in owned:
            if each in self.objects:
                self.delete(each)
        return found

    # --- The kubelet

    def _start_pod(self, namespace: str, job: Object) -> None:
        template, name = job["spec"]["template"], job["metadata"]["name"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
        metadata = {"name": f"{name}-pod", "labels": template["metadata"]["labels"], "ownerReferences": [owner]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"], "status": {}}
        self.create("pods", namespace, pod)
        if self.run is not None:
            printed, code = self.run(job)
            self.finish(namespace, name, printed, code)

    def finish(self, namespace: str, job: str, printed: str, code: int) -> None:
        """Let a Job's container have printed that, and end."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._news:
            pod = self.objects[("pods", namespace, f"{job}-pod")]
            self.logs[(namespace, f"{job}-pod")] = printed
            ended = {"exitCode": code, "startedAt": now, "finishedAt": now}
            statuses = [
                container_status(container["name"], {"terminated": ended}) for container in pod["spec"]["containers"]
            ]
            status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": statuses}
            self._put("MODIFIED", ("pods", namespace, f"{job}-pod"), {**pod, "status": status})
            kind = "Failed" if code else "Complete"
            key = ("jobs", namespace, job)
            condition = {"type": kind, "status": "True", "lastTransitionTime": now, "lastProbeTime": now}
            self._put("MODIFIED", key, {**self.objects[key], "status": {"conditions": [condition]}})


def container_status(name: str, state: Object) -> Object:
    """The status of a pod's container."""
    return {"name": name, "state": state, "image": "", "imageID": "", "ready": False, "restartCount": 0}


def _merged(into: Any, change: Mapping[str, Any]) -> Object:
    """RFC 7396."""
    merged = dict(into) if isinstance(into, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value) if isinstance(value, dict) else value
    return merged


def _chooser(selector: str) -> Callable[[Object], bool]:
    terms = [term.partition("=") for term in selector.split(",") if term]

    def chosen(found: Object) -> bool:
        labels = found["metadata"].get("labels") or {}
        return all(labels.get(name) == value if equals else name in labels for name, equals, value in terms)

    return chosen


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - it counts all methods as one
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def do_GET(self) -> None:
            self._answer(self._get)

        def do_POST(self) -> None:
            self._answer(lambda plural, namespace, _name, _part: server.create(plural, namespace, self._body()))

        def do_PATCH(self) -> None:
            self._answer(
                lambda plural, namespace, name, part: server.patch((plural, namespace, name), self._body(), part=part)
            )

        def do_DELETE(self) -> None:
            self._body()
            self._answer(lambda plural, namespace, name, _part: server.delete((plural, namespace, name)))

        def _answer(self, do: Callable[[str, str, str, str], Object | None]) -> None:
            plural, namespace, name, part = _place(urlsplit(self.path).path)
            try:
                found = do(plural, namespace, name, part)
                if found is None:
                    return
                code, body = 201 if self.command == "POST" else 200, json.dumps(found).encode()
                if self.command != "GET":
                    server.writes.append((self.command, plural, name or found["metadata"]["name"]))
            except Refusal as refusal:
                code, body = refusal.code, json.dumps({"message": str(refusal)}).encode()
            self._send(code, body)

        def _send(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _get(self, plural: str, namespace: str, name: str, part: str) -> Object | None:
            if not plural:
                version = "/".join(urlsplit(self.path).path.split("/")[2:4])
                if version not in server.kinds:
                    raise Refusal(NOT_FOUND, "page not found")
                resources = [
                    {"kind": kind, "name": name, "namespaced": True, "singularName": kind.lower(), "verbs": []}
                    for kind, name in server.kinds[version].items()
                ]
                return {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
            if part == "log":
                self._log(namespace, name)
                return None
            if name:
                return server.read((plural, namespace, name))
            asked = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            chosen = _chooser(asked.get("labelSelector", ""))
            if asked.get("watch") == "true":
                server.watches.append(plural)
                self._stream(server.watch(plural, namespace, chosen, int(asked.get("resourceVersion", "0"))))
                return None
            with server._news:
                items = [each for each in server.all(plural, namespace) if chosen(each)]
                return {"kind": "List", "items": items, "metadata": {"resourceVersion": str(server.version)}}

        def _log(self, namespace: str, pod: str) -> None:
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            lines = [f"{now} {line}\n".encode() for line in server.logs.get((namespace, pod), "").splitlines()]
            self._send(200, b"".join(server.lines.get((namespace, pod), lines)))

        def _stream(self, lines: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.close_connection = True
            for line in lines:
                self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                self.wfile.flush()

        def _body(self) -> Object:
            found: Object = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            return found

    return Handler


def _place(path: str) -> tuple[str, str, str, str]:
    """Plural, namespace, name and part of an address."""
    words = path.strip("/").split("/")
    words = words[2:] if words[0] == "api" else words[3:]
    namespace = ""
    if words[:1] == ["namespaces"]:
        namespace, words = words[1], words[2:]
    plural, name, part = (*words, "", "", "")[:3]
    return plural, namespace, name, part
