"""Advisor's API and our client for it, with a server and without."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from katib.client import AdvisorClient
from katib.embedded.desk import EmbeddedDesk
from katib.errors import AlgorithmUnknown, AlreadyExists, InvalidInput, NotFound, StudyClosed, TrialEnded
from katib.server.http.app import create_app
from katib.testing.http import serving

SNIPPET = """
from katib.client import AdvisorClient
client = AdvisorClient()
study_configuration = {
  "goal": "MAXIMIZE", "maxTrials": 5, "maxParallelTrials": 1,
  "params": [{"parameterName": "hidden1", "type": "INTEGER", "minValue": 40, "maxValue": 400, "scallingType": "LINEAR"}]}
study = client.create_study("Study", study_configuration)
trials = client.get_suggestions(study, 3)
client.complete_trial(trials[0], 0.9)      # or a dict of metrics, or a list of (step, value) points
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDesk]:
    with EmbeddedDesk(str(tmp_path_factory.mktemp("advisor") / "katib.db")) as desk:
        yield desk


@pytest.fixture(scope="module")
def address(shared: EmbeddedDesk) -> Iterator[str]:
    with serving(create_app(shared.desk)) as address:
        yield address


@pytest.fixture(params=["embedded", "server"])
def client(request: pytest.FixtureRequest, shared: EmbeddedDesk, address: str) -> Iterator[AdvisorClient]:
    """Of both kinds, on the same desk: what one writes the other would read."""
    with AdvisorClient(address) as client:
        if request.param == "embedded":
            client._desk = shared.advisor
        yield client
        for study in client.list_studies():
            client.delete_study(study)


@pytest.fixture
def rest(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{address}/suggestion/v1") as http:
        yield http
        for study in http.get("/studies").json()["data"]:
            http.delete(f"/studies/{study['id']}")


def configuration(**more: Any) -> dict[str, Any]:
    params = [
        {"parameterName": "units", "type": "INTEGER", "minValue": 40, "maxValue": 41},
        {"parameterName": "rate", "type": "DOUBLE", "minValue": 0.5, "maxValue": 1},
        {"parameterName": "batch", "type": "DISCRETE", "feasiblePoints": "8, 16.5", "minValue": 0, "maxValue": 0},
        {"parameterName": "kind", "type": "CATEGORICAL", "feasiblePoints": "1, two"},
    ]
    return {"goal": "MINIMIZE", "params": params, **more}


def run_snippet(folder: Path, **environ: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KATIB_")}
    done = subprocess.run(
        [sys.executable, "-c", SNIPPET], cwd=folder, env={**kept, **environ}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def check_snippet(client: AdvisorClient) -> None:
    trials = client.list_trials("Study")
    assert [trial.status for trial in trials] == ["Completed", "Pending", "Pending"]
    assert trials[0].objective_value == 0.9
    assert len({trial.parameter_values for trial in trials}) == 3
    assert all(isinstance(trial.parameters["hidden1"], int) for trial in trials)


def test_the_snippet_runs_without_a_server(tmp_path: Path) -> None:
    run_snippet(tmp_path)
    with AdvisorClient(store=str(tmp_path / "katib.db")) as client:
        check_snippet(client)


def test_the_snippet_runs_with_a_server(tmp_path: Path, address: str) -> None:
    run_snippet(tmp_path, KATIB_ENDPOINT=address)
    assert list(tmp_path.iterdir()) == []
    with AdvisorClient(address) as client:
        check_snippet(client)
        client.delete_study("Study")


def test_a_study_is_what_it_was_created_as(client: AdvisorClient) -> None:
    given = configuration(maxTrials=1, unknown=[1])
    study = client.create_study("A.study_1", given, algorithm="TPE")
    assert (study.configuration, study.algorithm, study.status) == (given, "TPE", "Pending")
    assert client.get_study_by_name(study) == client.get_study_by_id(study.id) == study
    assert client.list_studies() == [study]
    with pytest.raises(AlreadyExists, match=r"The study A\.study_1 exists"):
        client.create_study("A.study_1", given, algorithm="TPE")
    assert client.get_or_create_study("A.study_1", {}, algorithm="nonsense") == study
    client.delete_study(study)
    assert client.get_study_by_name(study) is None
    assert client.list_trials(study) == []
    with pytest.raises(NotFound):
        client.get_suggestions(study)


def test_each_call_makes_new_trials_with_typed_values(client: AdvisorClient) -> None:
    study = client.create_study("study", configuration(maxTrials=2, maxParallelTrials=1), "RandomSearch")
    trials = [*client.get_suggestions(study, 2), *client.get_suggestions("study", 2)]
    assert [trial.id for trial in trials] == [1, 2, 3, 4]
    assert len({trial.parameter_values for trial in trials}) == 4
    for trial in trials:
        assert [type(value) for value in trial.parameters.values()] == [int, float, float, str]
        assert trial.parameters["batch"] in (8.0, 16.5)
        assert trial.parameters["kind"] in ("1", "two")


def test_a_trial_is_completed_with_a_value_metrics_or_points(client: AdvisorClient) -> None:
    study = client.create_study("study", configuration(), "RandomSearch")
    a, b, c, d = client.get_suggestions(study, 4)
    assert client.complete_trial(a, 0.0).objective_value == 0.0
    assert client.complete_trial(b, {"loss": 2}).objective_value == 2.0
    assert client.complete_trial(c, {"objective_value": 3, "accuracy": 0.5}).objective_value == 3.0
    assert client.complete_trial(d, [(1, 9.0), (2, 4.0)]).objective_value == 4.0
    reported = [(metric.training_step, metric.objective_value) for metric in client.list_trial_metrics(study, d.id)]
    assert reported == [(1, 9.0), (2, 4.0)]
    best = client.get_best_trial(study)
    assert best is not None and best.id == a.id, "0.0 is a value"


def test_what_cannot_complete_a_trial_is_said(client: AdvisorClient) -> None:
    study = client.create_study("study", configuration(), "RandomSearch")
    (trial,) = client.get_suggestions(study)
    with pytest.raises(InvalidInput, match="objective_value"):
        client.complete_trial(trial, {"a": 1, "b": 2})
    with pytest.raises(InvalidInput, match=r"at least one \(step, value\)"):
        client.complete_trial(trial, [])
    assert client.get_trial(study, trial.id) == trial
    client.complete_trial(trial, 1.0)
    assert client.complete_trial(trial, 1.0).objective_value == 1.0
    with pytest.raises(TrialEnded, match=r"ended with 1\.0"):
        client.complete_trial(trial, 2.0)


def test_a_study_is_done_when_none_of_its_trials_is_open(client: AdvisorClient) -> None:
    study = client.create_study("study", configuration(), "RandomSearch")
    assert not client.is_study_done(study)
    (trial,) = client.get_suggestions(study)
    assert not client.is_study_done("study")
    client.complete_trial(trial, 1.0)
    assert client.is_study_done(study)
    client.get_suggestions(study)
    assert not client.is_study_done(study), "whoever asks for more goes on"


def test_budgets_are_enforced_on_request(client: AdvisorClient) -> None:
    limits = configuration(maxTrials=3, maxParallelTrials=2, enforceBudgets=True)
    study = client.create_study("study", limits, "RandomSearch")
    first = client.get_suggestions(study, 5)
    assert len(first) == 2
    assert client.get_suggestions(study, 1) == []
    for trial in first:
        client.complete_trial(trial, 1.0)
    (last,) = client.get_suggestions(study, 5)
    client.complete_trial(last, 1.0)
    with pytest.raises(StudyClosed):
        client.get_suggestions(study)


@pytest.mark.parametrize(
    "name",
    ["RandomSearch", "GridSearch", "BayesianOptimization", "TPE", "SimulateAnneal", "QuasiRandomSearch", "CMAES"]
    + ["SkoptBayesianOptimization", "sobol"],
)
def test_every_algorithm_takes_all_four_types(shared: EmbeddedDesk, name: str) -> None:
    shared.advisor.create_study(f"of-{name}", configuration(), name)
    first = shared.advisor.suggestions(f"of-{name}", 2)
    assert len({trial["parameter_values"] for trial in first}) == 2
    shared.advisor.delete_study(f"of-{name}")


def test_every_fault_of_a_configuration_is_told(client: AdvisorClient) -> None:
    params = [
        {"parameterName": "", "type": "FLOAT"},
        {"parameterName": "a", "type": "INTEGER", "minValue": 0.5},
        {"parameterName": "b", "type": "DOUBLE", "minValue": 2, "maxValue": 1},
        {"parameterName": "c", "type": "DISCRETE", "feasiblePoints": "1, x"},
        {"parameterName": "d", "type": "CATEGORICAL", "feasiblePoints": " "},
        7,
    ]
    with pytest.raises(InvalidInput) as caught:
        client.create_study("study", {"goal": "UP", "params": params, "enforceBudgets": 1})
    for path in (
        *("goal", "params[0].parameterName", "params[0].type", "params[1].minValue", "params[1].maxValue"),
        *("params[2].minValue", "params[3].feasiblePoints", "params[4].feasiblePoints", "params[5]", "enforceBudgets"),
    ):
        assert path in str(caught.value)
    with pytest.raises((AlgorithmUnknown, InvalidInput), match="Unknown algorithm: Magic"):
        client.create_study("study", configuration(), "Magic")
    assert client.list_studies() == []


# --- What curl sees


def test_every_endpoint_has_advisors_shape(rest: httpx.Client) -> None:
    created = rest.post(
        "/studies", json={"name": "s", "study_configuration": configuration(), "algorithm": "RandomSearch"}
    )
    study = created.json()["data"]
    assert created.status_code == 200
    assert list(study) == ["id", "name", "study_configuration", "algorithm", "status", "created_time", "updated_time"]
    assert isinstance(study["id"], int) and json.loads(study["study_configuration"]) == configuration()
    assert rest.get("/studies/s").json() == rest.get(f"/studies/{study['id']}").json() == {"data": study}
    assert [rest.get(f"/studies/{name}/exist").json() for name in ("s", "t")] == [{"exist": True}, {"exist": False}]
    assert rest.get("/studies/t/trials").json() == {"data": []}
    trial = rest.post("/studies/s/suggestions", json={"trials_number": 1, "trial_name": "x"}).json()["data"][0]
    assert list(trial) == [
        *("id", "study_name", "name", "parameter_values", "objective_value", "status", "created_time", "updated_time")
    ]
    assert (trial["id"], trial["study_name"], trial["objective_value"], trial["status"]) == (1, "s", None, "Pending")
    assert len(rest.post("/studies/s/suggestions", json={}).json()["data"]) == 1
    metric = rest.post("/studies/s/trials/1/metrics", json={"training_step": None, "objective_value": 1.5}).json()[
        "data"
    ]
    assert list(metric) == ["id", "trial_id", "training_step", "objective_value", "created_time", "updated_time"]
    assert rest.get("/studies/s/trials/1/metrics").json() == {"data": [metric]}
    assert rest.get(f"/studies/s/trials/1/metrics/{metric['id']}").json() == {"data": metric}
    assert rest.put("/studies/s/trials/1", json={"objective_value": 2}).json()["data"]["status"] == "Pending"
    done = rest.put("/studies/s/trials/1", json={"status": "Completed"}).json()["data"]
    assert (done["status"], done["objective_value"]) == ("Completed", 2.0), "the latest of what was reported"
    assert rest.get("/studies/s/trials/1").json() == {"data": done}
    assert rest.delete("/studies/s").json() == {"message": "Success to delete"}


def test_trials_by_hand(rest: httpx.Client) -> None:
    rest.post("/studies", json={"name": "s", "study_configuration": json.dumps(configuration())})
    values = {"units": 40, "rate": 0.5, "batch": 8, "kind": "two"}
    known = rest.post(
        "/studies/s/trials", json={"name": "x", "parameter_values": values, "objective_value": 0.5}
    ).json()
    assert (known["data"]["status"], known["data"]["objective_value"]) == ("Completed", 0.5)
    text = rest.post("/studies/s/trials", json={"parameter_values": json.dumps({**values, "units": 41})}).json()["data"]
    assert rest.post("/studies/s/suggestions", json={}).json()["data"][0]["id"] == text["id"], (
        "it waited for its client"
    )
    suggested = rest.post("/studies/s/trials", json={"name": "x"}).json()["data"]
    assert suggested["parameter_values"] is not None
    wrong = rest.post("/studies/s/trials", json={"parameter_values": {"units": 39}})
    assert wrong.status_code == 422 and "parameters.units" in wrong.json()["error"]


def test_what_is_on_record_stays(rest: httpx.Client) -> None:
    rest.post("/studies", json={"name": "s", "study_configuration": configuration()})
    rest.post("/studies/s/suggestions", json={"trials_number": 4})
    metric = rest.post("/studies/s/trials/1/metrics", json={"training_step": 1, "objective_value": 1}).json()["data"]
    place = f"/studies/s/trials/1/metrics/{metric['id']}"
    assert rest.patch(place, json={"objective_value": 1}).json() == {"data": metric}
    assert rest.patch(place, json={"objective_value": 2}).status_code == 409
    assert rest.delete(place).status_code == 409
    rest.put("/studies/s/trials/1", json={"status": "Completed", "objective_value": 1})
    assert rest.put("/studies/s/trials/1", json={"status": "Pending"}).status_code == 409
    assert rest.delete("/studies/s/trials/2").json() == {"message": "Success to delete"}
    assert rest.get("/studies/s/trials/2").status_code == 404
    for number, status in ((3, "Failed"), (4, "Infeasible")):
        assert rest.put(f"/studies/s/trials/{number}", json={"status": status}).json()["data"]["status"] == status
        assert rest.put(f"/studies/s/trials/{number}", json={"status": status}).status_code == 200
    assert [trial["id"] for trial in rest.get("/studies/s/trials").json()["data"]] == [1, 3, 4]
    assert rest.delete("/studies/s/trials/1").is_success
    assert rest.post("/studies/s/suggestions", json={}).json()["data"][0]["id"] == 5
    assert [trial["id"] for trial in rest.get("/studies/s/trials").json()["data"]] == [3, 4, 5]


def test_a_study_is_stopped_and_goes_on(rest: httpx.Client) -> None:
    rest.post("/studies", json={"name": "s", "study_configuration": configuration()})
    rest.post("/studies/s/suggestions", json={})
    assert rest.put("/studies/s", json={"status": "Completed"}).json()["data"]["status"] == "Completed"
    assert rest.post("/studies/s/suggestions", json={}).status_code == 409
    assert rest.put("/studies/s", json={"status": "Pending"}).json()["data"]["status"] == "Pending"
    assert rest.post("/studies/s/suggestions", json={}).status_code == 200
    assert rest.put("/studies/s", json={"status": "Done"}).status_code == 422
    assert rest.put("/studies/s", json={}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/none", None, 404),
        ("PUT", "/none", {}, 404),
        ("DELETE", "/none", None, 404),
        ("POST", "/none/suggestions", {}, 404),
        ("POST", "/none/trials", {}, 404),
        ("GET", "/s/trials/1", None, 404),
        ("GET", f"/s/trials/{2**70}", None, 404),
        ("GET", "/s/trials/x", None, 422),
        ("POST", "/s/trials/1/metrics", {"training_step": 1, "objective_value": 1}, 404),
        ("POST", "/s/trials/1/metrics", {"objective_value": 1}, 422),
        ("POST", "/s/suggestions", {"trials_number": 0}, 422),
        ("POST", "/s/suggestions", {"trials_number": 10**6}, 422),
        ("POST", "", {"name": "s", "study_configuration": {}}, 422),
        ("POST", "", {"name": "t", "study_configuration": "{"}, 422),
        ("POST", "", {"name": "t"}, 422),
        ("POST", "/s", {}, 405),
        ("GET", "/s/nothing/here", None, 404),
    ],
)
def test_an_error_is_a_text(rest: httpx.Client, method: str, path: str, body: Any, status: int) -> None:
    rest.post("/studies", json={"name": "s", "study_configuration": configuration()})
    answer = rest.request(method, f"/studies{path}", json=body)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)


def test_a_body_that_is_no_json(rest: httpx.Client) -> None:
    answer = rest.post("/studies", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, list(answer.json())) == (422, ["error", "code", "faults"])


def test_a_study_of_the_native_api_is_shown_as_well_as_it_can_be(shared: EmbeddedDesk, rest: httpx.Client) -> None:
    spec = {
        "objective": {"type": "maximize", "objectiveMetricName": "accuracy"},
        "parameters": [
            {
                "name": "lr",
                "parameterType": "double",
                "feasibleSpace": {"min": "0.1", "max": "1", "distribution": "logUniform"},
            },
            {"name": "batch", "parameterType": "discrete", "feasibleSpace": {"list": ["8", "16"]}},
        ],
        "algorithm": {"algorithmName": "random"},
        "maxTrialCount": 3,
    }
    shared.desk.create("native", spec)
    study = rest.get("/studies/native").json()["data"]
    assert study["algorithm"] == "random"
    assert json.loads(study["study_configuration"]) == {
        "goal": "MAXIMIZE",
        "maxTrials": 3,
        "maxParallelTrials": None,
        "enforceBudgets": True,
        "params": [
            {
                "parameterName": "lr",
                "type": "DOUBLE",
                "minValue": 0.1,
                "maxValue": 1.0,
                "feasiblePoints": "",
                "scalingType": "LOG",
            },
            {
                "parameterName": "batch",
                "type": "DISCRETE",
                "minValue": 0,
                "maxValue": 0,
                "feasiblePoints": "8, 16",
                "scalingType": "LINEAR",
            },
        ],
    }
    (trial,) = rest.post("/studies/native/suggestions", json={}).json()["data"]
    assert rest.put(
        f"/studies/native/trials/{trial['id']}", json={"status": "Completed", "objective_value": 0.5}
    ).is_success
    (known,) = rest.get("/studies/native/trials").json()["data"]
    assert known["objective_value"] == 0.5
