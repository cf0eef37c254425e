"""SetTrialStatus, against an API server that keeps one Trial and is as strict about versions as a real one."""

import copy
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest

from katib.config import ServeSettings
from katib.rpc import api
from katib.rpc.channels import open_channel
from katib.rpc.methods import SET_TRIAL_STATUS, handlers, stub
from katib.server.early_stopping import EarlyStoppingServicer
from katib.server.serving import SuggestionServer
from katib.server.trial_objects import TrialObjects
from katib.suggestion.early_stopping.local import LocalEarlyStopping
from katib.suggestion.local import LocalSuggestions

CODE = grpc.StatusCode
PATH = "/apis/kubeflow.org/v1beta1/namespaces/team/trials/study-x"
RUNNING = {"type": "Running", "status": "True"}


class ApiServer(ThreadingHTTPServer):
    """Holds one Trial. `disturbances`: how often somebody else changes it just after it was read."""

    def __init__(self) -> None:
        self.trial: dict[str, Any] = {
            "metadata": {"name": "study-x", "resourceVersion": "7"},
            "status": {"conditions": [RUNNING], "startTime": "2024-01-01T00:00:00Z"},
        }
        self.disturbances = 0
        self.patches = 0
        self.refuses = 0
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def changed(self) -> None:
        self.trial["metadata"]["resourceVersion"] = str(int(self.trial["metadata"]["resourceVersion"]) + 1)


class Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def log_message(self, *_args: object) -> None:
        pass

    def answer(self, code: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        if self.server.refuses:
            return self.answer(self.server.refuses, {})
        if self.path != PATH:
            return self.answer(404, {})
        read = copy.deepcopy(self.server.trial)
        if self.server.disturbances:
            self.server.disturbances -= 1
            self.server.trial["status"]["conditions"].append({"type": "Other", "status": "True"})
            self.server.changed()
        return self.answer(200, read)

    def do_PATCH(self) -> None:
        assert self.path == f"{PATH}/status"
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        patch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if patch["metadata"]["resourceVersion"] != self.server.trial["metadata"]["resourceVersion"]:
            return self.answer(409, {})
        self.server.trial["status"].update(patch["status"])
        self.server.patches += 1
        self.server.changed()
        return self.answer(200, self.server.trial)


@pytest.fixture
def cluster() -> Iterator[ApiServer]:
    server = ApiServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def channel(cluster: ApiServer) -> Iterator[grpc.Channel]:
    kubernetes = pytest.importorskip("kubernetes", reason="the package kubernetes is not installed")
    configuration = kubernetes.client.Configuration()
    configuration.host = f"http://127.0.0.1:{cluster.server_address[1]}"
    configuration.retries = False
    client = kubernetes.client.ApiClient(configuration)
    trials = TrialObjects(kubernetes.client.CustomObjectsApi(client), "team")
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = EarlyStoppingServicer(LocalEarlyStopping(), deadline=30, trials=trials)
    server.add_generic_rpc_handlers(handlers(servicer.handlers))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with open_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    server.stop(None).wait()
    client.rest_client.pool_manager.clear()


def stopped(channel: grpc.Channel, name: str = "study-x") -> None:
    stub(channel, SET_TRIAL_STATUS)(api.SetTrialStatusRequest(trial_name=name), timeout=30)


def refused(channel: grpc.Channel, name: str = "study-x") -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as raised:
        stopped(channel, name)
    return raised.value.code(), raised.value.details()


def test_the_condition_is_appended_and_all_else_stays(cluster: ApiServer, channel: grpc.Channel) -> None:
    stopped(channel)
    status = cluster.trial["status"]
    assert status["startTime"] == "2024-01-01T00:00:00Z"
    first, second = status["conditions"]
    assert first == RUNNING
    times = {second.pop("lastUpdateTime"), second.pop("lastTransitionTime")}
    assert second == {
        "type": "EarlyStopped",
        "status": "True",
        "reason": "TrialEarlyStopped",
        "message": "Trial is early stopped",
    }
    assert len(times) == 1


def test_twice_is_once(cluster: ApiServer, channel: grpc.Channel) -> None:
    stopped(channel)
    stopped(channel)
    assert len(cluster.trial["status"]["conditions"]) == 2
    assert cluster.patches == 1


def test_a_trial_without_a_status_gets_one(cluster: ApiServer, channel: grpc.Channel) -> None:
    cluster.trial["status"] = {}
    stopped(channel)
    assert [each["type"] for each in cluster.trial["status"]["conditions"]] == ["EarlyStopped"]


def test_what_somebody_else_adds_meanwhile_is_kept(cluster: ApiServer, channel: grpc.Channel) -> None:
    cluster.disturbances = 2
    stopped(channel)
    types = [each["type"] for each in cluster.trial["status"]["conditions"]]
    assert types == ["Running", "Other", "Other", "EarlyStopped"]
    cluster.trial["status"]["conditions"].pop()
    cluster.disturbances = 100
    assert refused(channel)[0] is CODE.ABORTED


@pytest.mark.parametrize(
    ("answer", "code"), [(403, CODE.PERMISSION_DENIED), (401, CODE.UNAUTHENTICATED), (500, CODE.UNAVAILABLE)]
)
def test_a_refusal_says_which_trial(
    cluster: ApiServer, channel: grpc.Channel, answer: int, code: grpc.StatusCode
) -> None:
    cluster.refuses = answer
    got, said = refused(channel)
    assert got is code
    assert said.startswith(f"trial study-x in namespace team: {answer}")


def test_a_trial_that_is_not_there(cluster: ApiServer, channel: grpc.Channel) -> None:
    assert refused(channel, "study-y") == (CODE.NOT_FOUND, "trial study-y in namespace team: 404 Not Found")
    assert refused(channel, "") == (CODE.INVALID_ARGUMENT, "trial_name: the name of a Trial")


def test_outside_of_a_cluster_it_says_why_it_cannot() -> None:
    server = SuggestionServer(LocalSuggestions(), ServeSettings(port=0))
    server.start()
    with open_channel(server.address) as channel:
        code, said = refused(channel)
    server.stop(grace=0)
    assert code is CODE.FAILED_PRECONDITION
    assert said.startswith("there are no Trial objects here")
