"""The native REST API, through a real server, on SQLite, PostgreSQL and MariaDB."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from katib.server.http.app import create_app
from katib.service.desk import Desk
from katib.stores.contract import NewStudy, Store
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.suggestion.contract import SuggestionService
from katib.testing import builders as make
from katib.testing.http import client_of
from katib.testing.servers import Server
from katib.testing.stores import emptied

SPEC: dict[str, Any] = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "random"},
    "parameters": [
        {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}},
        {"name": "n", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "100"}},
        {"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
    ],
}


@pytest.fixture(scope="module")
def suggestions() -> Iterator[SuggestionService]:
    service = open_suggestions()
    yield service
    service.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "katib.db")
    server: Server = request.getfixturevalue(request.param)
    return server.url


@pytest.fixture
def store(location: str) -> Iterator[Store]:
    opened = emptied(open_store(location))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(tmp_path_factory.mktemp("rest") / "katib.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(sqlite_store: Store, suggestions: SuggestionService) -> Iterator[httpx.Client]:
    with client_of(create_app(Desk(sqlite_store, suggestions))) as opened:
        yield opened


@pytest.fixture
def client(server: httpx.Client, sqlite_store: Store) -> httpx.Client:
    """Of one server, which has no studies yet: a new one takes longer than what most tests ask it."""
    emptied(sqlite_store)
    return server


def create(client: httpx.Client, name: str = "digits", **spec: Any) -> str:
    answer = client.post("/api/v1/studies", json={"name": name, "spec": {**SPEC, **spec}})
    assert answer.status_code == 201, answer.text
    return f"/api/v1/studies/{answer.json()['uid']}"


def suggest(client: httpx.Client, study: str, count: int = 1, who: str = "a", **more: Any) -> list[dict[str, Any]]:
    answer = client.post(f"{study}/suggest", json={"client": who, "count": count, **more})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["trials"])


def good(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def error(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem = good(answer, status)["error"]
    assert problem.keys() == {"code", "message", "path", "hint", "faults"}
    assert problem["code"] == code, problem
    return dict(problem)


@pytest.mark.parametrize("location", ["sqlite", "postgresql", "mariadb"], indirect=True)
def test_a_study_is_carried_to_its_end(store: Store, suggestions: SuggestionService) -> None:
    with client_of(create_app(Desk(store, suggestions))) as client:
        study = create(client, maxTrialCount=3)
        first, second = suggest(client, study, 2)
        assert (first["ordinal"], first["status"], first["client"]) == (1, "Running", "a")
        assert first["parameters"].keys() == {"x", "n", "kind"}
        assert suggest(client, study, 2) == [first, second]
        told = {"measurements": [{"step": 1, "metrics": {"loss": 0.5}}, {"step": 2, "metrics": {"loss": "nan"}}]}
        assert good(client.post(f"{study}/trials/1/measurements", json=told)) == {"stored": 2, "should_stop": False}
        assert good(client.post(f"{study}/trials/1/measurements", json=told))["stored"] == 0
        assert good(client.get(f"{study}/trials/1"))["metrics"]["loss"] == {"min": 0.5, "max": 0.5, "latest": "nan"}
        shown = good(client.get(f"{study}/trials/1/measurements", params={"metric": "loss"}))["measurements"]
        assert [(each["step"], each["value"]) for each in shown] == [(1, 0.5), (2, "nan")]
        done = good(client.post(f"{study}/trials/1/complete", json={"metrics": {"loss": 0.25}, "step": 3}))
        assert (done["status"], done["value"], done["values"]) == ("Succeeded", 0.25, {"loss": 0.25})
        infeasible = good(client.post(f"{study}/trials/2/infeasible", json={"reason": "too wide"}))
        assert (infeasible["status"], infeasible["reason"], infeasible["message"]) == (
            "Failed",
            "Infeasible",
            "too wide",
        )
        (third,) = suggest(client, study, 5)
        assert third["ordinal"] == 3
        assert good(client.post(f"{study}/trials/3/fail", json={}))["reason"] == "ReportedFailed"
        ended = good(client.get(study))
        assert (ended["status"], ended["reason"]) == ("Succeeded", "ExperimentMaxTrialsReached")
        assert ended["best"]["ordinal"] == 1
        assert [trial["ordinal"] for trial in good(client.get(f"{study}/best"))["trials"]] == [1]
        closed = error(client.post(f"{study}/suggest", json={"client": "a"}), 409, "study_closed")
        assert "raise its budget" in closed["hint"]
        late = good(client.post(f"{study}/trials/1/complete", json={"metrics": {"loss": 0}}))
        assert late["value"] == 0.25
        assert [event["reason"] for event in good(client.get(f"{study}/events"))["events"]] == ["LateReport"]


def test_lists_are_paged_and_filtered(client: httpx.Client) -> None:
    studies = [create(client, f"study-{number}") for number in range(3)]
    suggest(client, studies[0], 5)
    client.post(f"{studies[0]}/trials/2/complete", json={"metrics": {"loss": 1}})
    names, after = [], ""
    while after is not None:
        page = good(client.get("/api/v1/studies", params={"limit": 2, "after": after}))
        names.append([study["name"] for study in page["studies"]])
        after = page["next"]
    assert names == [["study-0", "study-1"], ["study-2"]]
    found = good(client.get("/api/v1/studies", params={"status": "Running"}))["studies"]
    assert [study["name"] for study in found] == ["study-0"]
    assert len(good(client.get("/api/v1/studies", params={"name": "-2"}))["studies"]) == 1
    page = good(client.get(f"{studies[0]}/trials", params={"status": "Running", "limit": 3}))
    assert ([trial["ordinal"] for trial in page["trials"]], page["next"]) == ([1, 3, 4], 4)
    rest = good(client.get(f"{studies[0]}/trials", params={"status": "Running", "limit": 3, "after": 4}))
    assert ([trial["ordinal"] for trial in rest["trials"]], rest["next"]) == ([5], None)


def test_faults_are_told_all_at_once_in_one_shape(client: httpx.Client) -> None:
    bad = {"parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "2", "max": "1"}}]}
    problem = error(client.post("/api/v1/studies", json={"name": "bad", "spec": bad}), 422, "invalid_input")
    assert {fault["path"].split(".")[1].split("[")[0] for fault in problem["faults"]} == {"objective", "parameters"}
    create(client, "digits")
    other = {**SPEC, "maxTrialCount": 2}
    error(client.post("/api/v1/studies", json={"name": "digits", "spec": other}), 409, "already_exists")
    assert client.post("/api/v1/studies", json={"name": "digits", "spec": SPEC}).status_code == 200
    unknown = {**SPEC, "earlyStopping": {"algorithmName": "no"}}
    problem = error(client.post("/api/v1/studies", json={"name": "b", "spec": unknown}), 422, "invalid_input")
    assert problem["path"] == "spec.earlyStopping.algorithmName"
    error(client.get("/api/v1/studies/none"), 404, "not_found")
    error(client.get("/api/v1/studies/digits/trials/1"), 404, "not_found")
    error(client.get("/nowhere"), 404, "not_found")
    error(client.put("/api/v1/studies"), 405, "method_not_allowed")
    error(client.post("/api/v1/studies", content=b"{"), 422, "invalid_input")
    problem = error(
        client.post("/api/v1/studies/digits/suggest", json={"client": "", "count": -1}), 422, "invalid_input"
    )
    assert [fault["path"] for fault in problem["faults"]] == ["client", "count"]
    problem = error(
        client.post("/api/v1/studies/digits/trials", json={"parameters": {"x": 2, "n": 0.5, "kind": "a"}}),
        422,
        "invalid_input",
    )
    assert {fault["path"] for fault in problem["faults"]} == {"parameters.x", "parameters.n"}


def test_a_name_of_any_kind_has_an_address_by_its_uid(client: httpx.Client) -> None:
    study = create(client, "owners/me/studies/ä ?%2F")
    assert good(client.get(study))["name"] == "owners/me/studies/ä ?%2F"
    assert len(suggest(client, study)) == 1
    assert client.delete(study).status_code == 204
    error(client.get(study), 404, "not_found")


def test_a_study_that_is_made_anew_is_another_one(client: httpx.Client) -> None:
    create(client)
    by_name = "/api/v1/studies/digits"
    suggest(client, by_name, 3)
    assert client.delete(by_name).status_code == 204
    create(client)
    assert [trial["ordinal"] for trial in suggest(client, by_name, 1)] == [1]


def test_etags(client: httpx.Client) -> None:
    study = create(client, maxTrialCount=5)
    seen = client.get(study)
    tag = seen.headers["etag"]
    assert client.get(study, headers={"If-None-Match": f'"other", {tag}'}).status_code == 304
    suggest(client, study)
    assert client.get(study, headers={"If-None-Match": tag}).status_code == 200
    changed = client.patch(study, json={"max_trials": 7}, headers={"If-Match": tag})
    assert good(changed)["budget"]["max_trials"] == 7, "what trials did meanwhile does not matter"
    error(client.patch(study, json={"max_trials": 9}, headers={"If-Match": tag}), 412, "changed_meanwhile")
    error(client.post(f"{study}/pause", headers={"If-Match": tag}), 412, "changed_meanwhile")
    assert client.post(f"{study}/pause", headers={"If-Match": changed.headers["etag"]}).status_code == 200
    problem = error(client.patch(study, json={}, headers={"If-Match": "nonsense"}), 422, "invalid_input")
    assert problem["path"] == "If-Match"
    trial = client.get(f"{study}/trials/1")
    assert client.get(f"{study}/trials/1", headers={"If-None-Match": trial.headers["etag"]}).status_code == 304
    client.post(f"{study}/trials/1/measurements", json={"measurements": [{"metrics": {"loss": 1}}]})
    assert client.get(f"{study}/trials/1", headers={"If-None-Match": trial.headers["etag"]}).status_code == 200


def test_a_request_with_a_key_is_done_once_on_every_server(store: Store, suggestions: SuggestionService) -> None:
    key = {"Idempotency-Key": "one"}
    with (
        client_of(create_app(Desk(store, suggestions))) as first,
        client_of(create_app(Desk(store, suggestions))) as second,
    ):
        study = create(first)
        body = {"client": "a", "count": 2, "afresh": True}
        answers = [each.post(f"{study}/suggest", json=body, headers=key) for each in (first, second, first)]
        assert answers[0].json() == answers[1].json() == answers[2].json()
        assert "idempotent-replay" not in answers[0].headers
        assert answers[1].headers["idempotent-replay"] == "true"
        assert good(first.get(study))["counts"]["created"] == 2
        assert good(second.post(f"{study}/suggest", json=body))["trials"][0]["ordinal"] == 3, "another request"
        error(second.post(f"{study}/suggest", json={"client": "b"}, headers=key), 409, "conflict")
        # A request that failed may be sent again with the same key.
        again = {"Idempotency-Key": "two"}
        error(first.post(f"{study}/trials/1/complete", json={}, headers=again), 422, "invalid_input")
        good(first.post(f"{study}/trials/1/measurements", json={"measurements": [{"metrics": {"loss": 1}}]}))
        assert good(second.post(f"{study}/trials/1/complete", json={}, headers=again))["value"] == 1.0


class KilledBeforeItAnswers:
    """A store whose server is gone as soon as an operation is written: it keeps no answer, and takes no claim back."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def keep_reply(self, *_args: object, **_more: object) -> None:
        raise RuntimeError("killed")

    def drop_reply(self, _key: str) -> None:
        pass


def test_a_request_whose_server_is_killed_before_it_answers_is_not_done_again(
    store: Store, suggestions: SuggestionService
) -> None:
    dying = cast(Store, KilledBeforeItAnswers(store))
    with (
        client_of(create_app(Desk(dying, suggestions))) as killed,
        client_of(create_app(Desk(store, suggestions))) as other,
    ):
        study = create(other)
        known = {"parameters": {"x": 0.5, "n": 3, "kind": "b"}, "metrics": {"loss": 2.0}}
        requests: list[tuple[str, object]] = [
            ("suggest", {"client": "a", "count": 2, "afresh": True}),
            ("trials", known),
            ("trials/1/measurements", {"measurements": [{"metrics": {"loss": 1.0}}, {"metrics": {"loss": 0.5}}]}),
        ]
        for key, (path, body) in enumerate(requests):
            once: dict[str, Any] = {"json": body, "headers": {"Idempotency-Key": str(key)}}
            # On a connection of its own: a server that breaks off may close one that the next request is already sent on.
            alone = once["headers"] | {"Connection": "close"}
            assert killed.post(f"{study}/{path}", json=body, headers=alone).status_code == 500
            done = other.post(f"{study}/{path}", **once)
            if path.endswith("measurements"):
                # Nothing says that it was done, but doing it again changes nothing.
                assert done.status_code == 409
                store.drop_reply(json.dumps(["", str(key)]))
                done = other.post(f"{study}/{path}", **once)
            assert done.is_success
            assert other.post(f"{study}/{path}", **once).json() == done.json()
            if path == "suggest":
                assert [trial["ordinal"] for trial in done.json()["trials"]] == [1, 2]
        counts = good(other.get(study))["counts"]
        assert (counts["created"], counts["succeeded"], counts["running"]) == (3, 1, 2)
        assert len(good(other.get(f"{study}/trials/1/measurements"))["measurements"]) == 2


def test_pause_resume_and_stop(client: httpx.Client) -> None:
    study = create(client)
    suggest(client, study, 2)
    known = good(client.post(f"{study}/trials", json={"parameters": {"x": 0.5, "n": 3, "kind": "b"}}), 201)
    assert (known["status"], known["parameters"]) == ("Pending", {"x": 0.5, "n": 3, "kind": "b"})
    assert good(client.post(f"{study}/pause"))["stop_requested"] is True
    error(client.post(f"{study}/suggest", json={"client": "b"}), 409, "study_closed")
    assert good(client.post(f"{study}/trials/1/should-stop"))["should_stop"] is False, "a pause lets trials end"
    assert good(client.post(f"{study}/resume"))["status"] == "Running"
    stopped = good(client.post(f"{study}/stop"))
    assert (stopped["status"], stopped["counts"]["killed"]) == ("Running", 1)
    told = good(client.post(f"{study}/trials/1/should-stop"))
    assert (told["should_stop"], told["reason"]) == (True, "the study was stopped")
    for ordinal in (1, 2):
        done = good(client.post(f"{study}/trials/{ordinal}/complete", json={"metrics": {"loss": 1}}))
        assert done["status"] == "EarlyStopped"
    assert good(client.get(study))["status"] == "Stopped"
    assert good(client.post(f"{study}/resume"))["status"] == "Running"
    assert len(suggest(client, study)) == 1


def test_a_paused_study_that_nobody_works_on_is_stopped_at_once(client: httpx.Client) -> None:
    study = create(client)
    assert good(client.post(f"{study}/pause"))["status"] == "Stopped"


def test_one_trial_is_stopped(client: httpx.Client) -> None:
    study = create(client)
    suggest(client, study, 2)
    assert good(client.post(f"{study}/trials/1/stop"))["reason"] == "TrialEarlyStopping"
    beat = good(client.post(f"{study}/trials/1/heartbeat", json={"client": "a", "lease_seconds": 60}))
    assert beat["stopped_by"]["message"] == "stopped by a user"
    assert [trial["ordinal"] for trial in suggest(client, study, 1)] == [2], "no client begins one that is to stop"


def test_a_finished_study_goes_on_with_a_larger_budget(client: httpx.Client) -> None:
    study = create(client, maxTrialCount=1)
    suggest(client, study)
    client.post(f"{study}/trials/1/complete", json={"metrics": {"loss": 1}})
    assert good(client.get(study))["status"] == "Succeeded"
    problem = error(client.patch(study, json={"parallel": 2}), 422, "invalid_input")
    assert problem["path"] == "max_trials"
    assert good(client.patch(study, json={"max_trials": 3}))["status"] == "Running"
    assert [trial["ordinal"] for trial in suggest(client, study, 5)] == [2, 3]


def test_a_lowered_budget_stops_the_latest_trials(client: httpx.Client) -> None:
    study = create(client, maxTrialCount=8)
    suggest(client, study, 4)
    client.patch(study, json={"max_trials": 2})
    told = [good(client.post(f"{study}/trials/{ordinal}/should-stop"))["should_stop"] for ordinal in (1, 2, 3, 4)]
    assert told == [False, False, True, True]
    assert suggest(client, study, 9, who="b") == []


def test_a_hopeless_trial_is_told_to_stop(store: Store, suggestions: SuggestionService) -> None:
    settings = [{"name": "min_trials_required", "value": "2"}, {"name": "start_step", "value": "2"}]
    stopping = {"algorithmName": "medianstop", "algorithmSettings": settings}
    with client_of(create_app(Desk(store, suggestions))) as client:
        study = create(client, earlyStopping=stopping)
        suggest(client, study, 3)
        curves = {1: (0.5, 0.4, 0.3), 2: (0.6, 0.5, 0.4), 3: (9.0, 8.0)}
        for ordinal, losses in curves.items():
            told = [{"step": step, "metrics": {"loss": loss}} for step, loss in enumerate(losses, 1)]
            client.post(f"{study}/trials/{ordinal}/measurements", json={"measurements": told})
            if ordinal < 3:
                assert good(client.post(f"{study}/trials/{ordinal}/should-stop"))["should_stop"] is False
                client.post(f"{study}/trials/{ordinal}/complete")
        told = good(client.post(f"{study}/trials/3/should-stop"))
        assert (told["should_stop"], told["stopped_by"]["rule"]) == (True, "medianstop")
        # The verdict is on record: another server knows it.
        with client_of(create_app(Desk(store, suggestions))) as other:
            assert good(other.get(f"{study}/trials/3"))["stopped_by"]["step"] == 2
            done = good(other.post(f"{study}/trials/3/complete"))
        assert (done["status"], done["value"]) == ("EarlyStopped", 8.0)


def test_a_clone_begins_with_the_results_of_the_first(client: httpx.Client) -> None:
    study = create(client, maxTrialCount=4)
    trials = suggest(client, study, 4)
    for trial in trials[:3]:
        metrics = {"loss": trial["parameters"]["x"], "accuracy": 0.5}
        client.post(f"{study}/trials/{trial['ordinal']}/complete", json={"metrics": metrics})
    narrow = [{**SPEC["parameters"][0], "feasibleSpace": {"min": "0", "max": "1"}}, *SPEC["parameters"][1:]]
    body = {"name": "next", "trials": True, "spec": {"parameters": narrow, "maxTrialCount": 2}}
    cloned = good(client.post(f"{study}/clone", json=body), 201)
    assert (cloned["copied"], cloned["skipped"]) == (3, 0)
    assert cloned["study"]["budget"]["max_trials"] == 5
    assert cloned["study"]["best"]["value"] == min(trial["parameters"]["x"] for trial in trials[:3])
    address = f"/api/v1/studies/{cloned['study']['uid']}"
    assert [trial["ordinal"] for trial in suggest(client, address, 9)] == [4, 5]
    again = good(client.post(f"{study}/clone", json=body))
    assert (again["copied"], again["study"]["uid"]) == (3, cloned["study"]["uid"])
    assert again["study"]["counts"]["created"] == 5
    empty = good(client.post(f"{study}/clone", json={"name": "empty"}), 201)
    assert empty["study"]["counts"]["created"] == 0


def test_import_and_export(client: httpx.Client) -> None:
    known = [
        {"parameters": {"x": 0.25, "n": 4, "kind": "a"}, "metrics": {"loss": 2}},
        {"parameters": {"x": 0.5, "n": 400, "kind": "a"}, "metrics": {"loss": 1}},
        {"parameters": {"x": 0.5, "n": 4, "kind": "a"}, "metrics": {"accuracy": 1}},
    ]
    made = good(client.post("/api/v1/import", json={"name": "known", "spec": SPEC, "trials": known}), 201)
    assert (made["copied"], made["skipped"], made["study"]["best"]["value"]) == (1, 2, 2.0)
    address = f"/api/v1/studies/{made['study']['uid']}"
    whole = good(client.get(f"{address}/export"))
    assert [trial["parameters"] for trial in whole["trials"]] == [{"x": 0.25, "n": 4, "kind": "a"}]
    table = client.get(f"{address}/export", params={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 2


def test_changes_are_streamed_and_nothing_is_missed(client: httpx.Client) -> None:
    study = create(client, maxTrialCount=2)
    suggest(client, study, 2)

    def read(lines: Iterator[str], wanted: int, **reply: Any) -> list[tuple[str, int, dict[str, Any]]]:
        events: list[tuple[str, int, dict[str, Any]]] = []
        fields: dict[str, str] = {}
        for line in lines:
            name, _, text = line.partition(": ")
            if line and name:
                fields[name] = text
            elif fields:
                events.append((fields["event"], int(fields["id"]), json.loads(fields["data"])))
                fields = {}
                if len(events) == wanted:
                    return events
        return events

    with client.stream("GET", f"{study}/watch") as stream:
        lines = stream.iter_lines()
        first = read(lines, 3)
        assert [(kind, data.get("ordinal")) for kind, _, data in first] == [("trial", 1), ("trial", 2), ("study", None)]
        client.post(f"{study}/trials/1/complete", json={"metrics": {"loss": 1}})
        second = read(lines, 2)
        assert (second[0][2]["status"], second[1][2]["counts"]["succeeded"]) == ("Succeeded", 1)
    client.post(f"{study}/trials/2/complete", json={"metrics": {"loss": 2}})
    with client.stream("GET", f"{study}/watch", headers={"Last-Event-ID": str(second[1][1])}) as stream:
        lines = stream.iter_lines()
        third = read(lines, 2)
        assert (third[0][2]["ordinal"], third[1][2]["status"]) == (2, "Succeeded")
        client.delete(study)
        assert [kind for kind, _, _ in read(lines, 1)] == ["deleted"]
    problem = error(client.get("/api/v1/studies/x/watch", headers={"Last-Event-ID": "soon"}), 422, "invalid_input")
    assert problem["path"] == "Last-Event-ID"


def test_studies_of_the_engine_can_be_read(client: httpx.Client, sqlite_store: Store) -> None:
    effective = {"spec": {**SPEC, "trialTemplate": {"trialSpec": {}}}}
    new = NewStudy(
        name="engine",
        uid="e" * 32,
        document={},
        effective=effective,
        objective=make.objective(),
        budget=make.budget(),
    )
    sqlite_store.create_study(new, now=1.0)
    study = "/api/v1/studies/engine"
    assert good(client.get(study))["run_by"] == "engine"
    assert good(client.get(f"{study}/trials"))["trials"] == []
    problem = error(client.post(f"{study}/suggest", json={"client": "a"}), 422, "invalid_input")
    assert "the engine runs this one's trials" in problem["message"]
    assert good(client.post(f"{study}/stop"))["stop_requested"] is True


def test_the_server_says_how_it_is(client: httpx.Client) -> None:
    assert good(client.get("/healthz")) == {"status": "ok"}
    assert good(client.get("/readyz")) == {"status": "ok"}


def test_sixty_four_clients_on_two_servers_get_exactly_what_there_is(
    store: Store, suggestions: SuggestionService
) -> None:
    """While its user lowers and raises the budget (T23), and one server is taken away. Both write one study (T12)."""
    with client_of(create_app(Desk(store, suggestions))) as first:
        with client_of(create_app(Desk(store, suggestions))) as second:
            study = create(first, maxTrialCount=150, parallelTrialCount=70)

            def work(number: int, *, until: int, server: httpx.Client | None = None) -> int:
                mine = server or (first, second)[number % 2]
                done = 0
                while done < until:
                    answer = mine.post(f"{study}/suggest", json={"client": f"client-{number}", "count": 2})
                    if answer.status_code == 409:
                        return done
                    trials = good(answer)["trials"]
                    if not trials:
                        return done
                    for trial in trials:
                        body = {"metrics": {"loss": trial["ordinal"]}}
                        good(mine.post(f"{study}/trials/{trial['ordinal']}/complete", json=body))
                        done += 1
                return done

            with ThreadPoolExecutor(64) as threads:
                working = [threads.submit(work, number, until=1) for number in range(64)]
                good(first.patch(study, json={"max_trials": 140}))
                good(second.patch(study, json={"max_trials": 200}))
                begun = sum(each.result() for each in working)
        # The second server is gone; the first one goes on.
        with ThreadPoolExecutor(64) as threads:
            rest = sum(threads.map(lambda number: work(number, until=1000, server=first), range(64)))
        ended = good(first.get(study))
        assert (begun + rest, ended["counts"]["created"], ended["reason"]) == (200, 200, "ExperimentMaxTrialsReached")
        trials = good(first.get(f"{study}/trials", params={"limit": 1000}))["trials"]
        assert len({json.dumps(trial["parameters"]) for trial in trials}) == 200
        assert sorted(trial["ordinal"] for trial in trials) == list(range(1, 201))
