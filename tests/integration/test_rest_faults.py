"""What requests that cannot be answered are told: where, what was given, what is wanted, what to do next."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from katib.server.http.app import create_app
from katib.service.desk import Desk
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.testing.http import client_of

SPEC: dict[str, Any] = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "random"},
    "parameters": {"x": "float:0:1", "kind": ["a", "b"]},
}
STUDY = "/api/v1/studies/digits"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    store, suggestions = open_store(tmp_path_factory.mktemp("faults") / "katib.db"), open_suggestions()
    try:
        with client_of(create_app(Desk(store, suggestions))) as opened:
            opened.post("/api/v1/studies", json={"name": "digits", "spec": SPEC}).raise_for_status()
            opened.post(f"{STUDY}/suggest", json={"client": "a"}).raise_for_status()
            yield opened
    finally:
        suggestions.close()
        store.close()


def told(answer: httpx.Response, status: int = 422) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.text.endswith("}\n"), "a line of its own in a terminal"
    return dict(answer.json()["error"])


def faults(answer: httpx.Response) -> list[tuple[str, str, str]]:
    return [(each["path"], each["given"], each["wanted"]) for each in told(answer)["faults"]]


def measured(**more: Any) -> dict[str, Any]:
    return {"measurements": [{"metrics": {"loss": 1}}, {"metrics": {"loss": 2}, **more}]}


WHOLE = "a whole number"


@pytest.mark.parametrize(
    ("path", "body", "wanted"),
    [
        ("suggest", {}, [("client", "", "required")]),
        ("suggest", {"client": "a", "count": 0}, [("count", "0", "1 or more")]),
        ("suggest", {"client": "", "count": "x"}, [("client", '""', "at least 1 character"), ("count", '"x"', WHOLE)]),
        ("suggest", {"client": "a\0"}, [("client", '"a\\u0000"', "a text without NUL characters")]),
        ("trials/1/measurements", measured(step=-1), [("measurements[1].step", "-1", "0 or more")]),
        ("trials/1/measurements", measured(step=1.5), [("measurements[1].step", "1.5", WHOLE)]),
        ("trials/1/measurements", measured(metrics=5), [("measurements[1].metrics", "5", "an object")]),
        ("trials/1/measurements", measured(metrics={}), [("measurements[1].metrics", "{}", "at least 1 item")]),
        (
            "trials/1/measurements",
            measured(metrics={"lo\0ss": 1}),
            [('measurements[1].metrics["lo\\u0000ss"]', '"lo\\u0000ss"', "as a name a text without NUL characters")],
        ),
        ("trials/1/measurements", {"measurements": []}, [("measurements", "[]", "at least 1 item")]),
        (
            "trials/1/measurements",
            measured(metrics={"loss": None, "acc": "high"}),
            [("measurements[1].metrics.loss", "null", "a number"), ("measurements[1].metrics.acc", '"high"', "a number")],
        ),
        ("trials/1/complete", {"metrics": {"loss": 1}, "step": -3}, [("step", "-3", "0 or more")]),
        (
            "trials",
            {"parameters": {"x": None}},
            [("parameters.x", "null", "a whole number or a number or a text")],
        ),
        ("trials/0/complete", {}, [("ordinal", '"0"', "1 or more")]),
    ],
)  # fmt: skip
def test_a_fault_says_where_what_was_given_and_what_is_wanted(
    client: httpx.Client, path: str, body: Any, wanted: list[tuple[str, str, str]]
) -> None:
    assert faults(client.post(f"{STUDY}/{path}", json=body)) == wanted


def test_what_is_no_json_is_shown_where_it_ends_to_be_some(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/studies", content='{"name": "a",\n "spec": {1: 2}}', headers=headers)
    (fault,) = told(answer)["faults"]
    assert "at line 2, column 11" in fault["wanted"]
    assert '"spec\\": {1' in fault["given"]
    (fault,) = told(client.post("/api/v1/studies", content=b"{}", headers={"Content-Type": "text/plain"}))["faults"]
    assert (fault["path"], fault["given"], fault["wanted"]) == ("Content-Type", '"text/plain"', "application/json")
    assert "-H 'Content-Type: application/json'" in fault["hint"]
    (fault,) = told(client.post("/api/v1/studies"))["faults"]
    assert fault["path"] == "body"
    assert told(client.post("/api/v1/studies", content=b'{"name": "\xff"}', headers=headers), 400)["hint"]


def test_faults_of_a_body_do_not_hide_those_of_the_study_in_it(client: httpx.Client) -> None:
    spec = {**SPEC, "algorithm": "rundom", "parameters": {"x": "float:1:0"}}
    body = {"name": "", "sepc": {}, "spec": spec, "trials": [{"parametres": {}}]}
    for path, extra in (("studies", {"trials"}), ("import", {"trials[0].parametres", "trials[0].parameters"})):
        problem = told(client.post(f"/api/v1/{path}", json=body))
        paths = {each["path"] for each in problem["faults"]}
        assert {"name", "sepc", "spec.parameters.x", "spec.algorithm.algorithmName", *extra} <= paths
        hints = {each["path"]: each["hint"] for each in problem["faults"]}
        assert hints["sepc"] == "did you mean `spec`?"
        assert all(each["path"] in problem["message"] for each in problem["faults"])


def test_advisors_doors_use_the_same_words(client: httpx.Client) -> None:
    answer = client.post("/suggestion/v1/studies/digits/trials/1/metrics", json={"objective_value": []})
    assert answer.json()["error"] == "training_step: required; objective_value: a number, got []"


def test_where_there_is_nothing_it_is_said_where_to_look(client: httpx.Client) -> None:
    problem = told(client.get("/v1/studies"), 404)
    assert problem["message"] == "there is nothing at /v1/studies"
    assert "/openapi.json" in problem["hint"]
    problem = told(client.put("/api/v1/studies"), 405)
    assert problem["message"] == "PUT is not allowed at /api/v1/studies"
    assert problem["hint"].startswith("POST, GET would be")


def test_a_study_without_a_limit_shows_none(client: httpx.Client) -> None:
    shown = client.get(STUDY)
    assert shown.json()["budget"]["parallel"] is None
    assert json.loads(shown.text) == client.get(STUDY).json()
