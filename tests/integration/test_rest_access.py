"""Who may do what over HTTP, what is too large, and what is seen from outside."""

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from katib.client import Client
from katib.config import ServerSettings
from katib.errors import InvalidInput, NotFound
from katib.server.http.app import create_app
from katib.server.running import check_protected, is_loopback
from katib.service.access import Role, create_token, refusal
from katib.service.desk import Desk
from katib.stores.contract import Store, Token
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.suggestion.contract import SuggestionService
from katib.testing import builders as make
from katib.testing.http import client_of

SPEC: dict[str, Any] = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "random"},
    "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
}
SETTINGS = ServerSettings(port=0, grace=5, largest_request=10_000, token_seconds=0.0)


@pytest.fixture(scope="module")
def suggestions() -> Iterator[SuggestionService]:
    service = open_suggestions()
    yield service
    service.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "katib.db")
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store, suggestions: SuggestionService) -> Iterator[httpx.Client]:
    with client_of(create_app(Desk(store, suggestions), SETTINGS, authenticated=True), SETTINGS) as opened:
        yield opened


def bearer(store: Store, role: Role, study: str = "", ordinal: int = 0) -> dict[str, str]:
    text, _ = create_token(store, role, study=study, ordinal=ordinal, now=1.0)
    return {"Authorization": f"Bearer {text}"}


def test_nobody_comes_in_without_a_valid_token(client: httpx.Client, store: Store) -> None:
    admin = bearer(store, Role.ADMIN)
    assert client.get("/api/v1/studies", headers=admin).status_code == 200
    text = admin["Authorization"].removeprefix("Bearer ")
    for wrong in (
        None,
        "",
        "Bearer",
        "Bearer x",
        f"Basic {text}",
        f"Bearer {text}x",
        f"Bearer {text[:-1]}",
        "Bearer ä",
    ):
        headers = {} if wrong is None else {"Authorization": wrong.encode()}
        for path in ("/api/v1/studies", "/metrics", "/suggestion/v1/studies", "/nowhere"):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized"), wrong
            assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/healthz", "/readyz", "/openapi.json"):
        assert client.get(path).status_code == 200
    (token,) = store.tokens()
    assert text.split("_", 2)[2] not in repr(token), "the store knows no secret"
    store.delete_token(token.id)
    assert client.get("/api/v1/studies", headers=admin).status_code == 401, "revoked"


def test_a_tenant_reaches_nothing_of_another_one(
    client: httpx.Client, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """T25: forged headers, a missing name, and the token of another trial."""
    admin = bearer(store, Role.ADMIN)
    for name in ("a", "b"):
        client.post("/api/v1/studies", json={"name": name, "spec": SPEC}, headers=admin)
        client.post(f"/api/v1/studies/{name}/suggest", json={"client": "c", "count": 2}, headers=admin)
    mine = bearer(store, Role.USER, "a")
    assert [each["name"] for each in client.get("/api/v1/studies", headers=mine).json()["studies"]] == ["a"]
    assert client.get("/api/v1/studies/a", headers=mine).status_code == 200
    uid = client.get("/api/v1/studies/b", headers=admin).json()["uid"]
    with caplog.at_level(logging.WARNING, logger="katib.server.access"):
        for method, path in (
            ("GET", "/api/v1/studies/b"),
            ("GET", f"/api/v1/studies/{uid}"),
            ("GET", "/api/v1/studies/b/trials"),
            ("GET", "/api/v1/studies/b/watch"),
            ("DELETE", "/api/v1/studies/b"),
            ("DELETE", "/api/v1/studies/a"),
            ("POST", "/api/v1/studies/b/trials/1/complete"),
            ("POST", "/api/v1/studies"),
            ("POST", "/api/v1/import"),
            ("POST", "/api/v1/studies/a/clone"),
            ("GET", "/suggestion/v1/studies"),
            ("GET", "/metrics"),
            ("GET", "/api/v1/studies/none"),
        ):
            forged = {**mine, "X-User": "admin", "kubeflow-userid": "admin"}
            answer = client.request(method, path, headers=forged, json={} if method == "POST" else None)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), path
    denied = [record.__dict__["fields"] for record in caplog.records]
    assert [each["path"] for each in denied][:2] == ["/api/v1/studies/b", f"/api/v1/studies/{uid}"]
    assert mine["Authorization"].split("_", 2)[2] not in str(denied)

    trial = bearer(store, Role.TRIAL, "a", 1)
    done = {"metrics": {"loss": 1}}
    for path in ("/b/trials/1/complete", "/a/trials/2/complete", "/a/trials/1/stop", "/a/suggest"):
        assert client.post(f"/api/v1/studies{path}", json=done, headers=trial).status_code == 403, path
    for path in ("", "/a", "/a/trials", "/a/trials/2", "/a/best"):
        assert client.get(f"/api/v1/studies{path}", headers=trial).status_code == 403, path
    assert client.get("/api/v1/studies/a/trials/1", headers=trial).status_code == 200
    assert client.post("/api/v1/studies/a/trials/1/complete", json=done, headers=trial).status_code == 200
    assert client.get("/api/v1/studies/b/trials/1", headers=admin).json()["status"] == "Running"


def test_the_token_of_a_trial_is_enough_for_the_code_that_runs_it(client: httpx.Client, store: Store) -> None:
    admin = bearer(store, Role.ADMIN)
    client.post("/api/v1/studies", json={"name": "a", "spec": SPEC}, headers=admin)
    client.post("/api/v1/studies/a/suggest", json={"client": "c"}, headers=admin)
    token = bearer(store, Role.TRIAL, "a", 1)["Authorization"].removeprefix("Bearer ")
    with Client(str(client.base_url).rstrip("/"), token=token) as mine, mine.get_trial("a", 1) as trial:
        trial.report(loss=0.5, step=1)
        assert not trial.should_stop()
        trial.heartbeat()
        # What is kept is sent with nothing but calls that it may make.
        mine._outbox._next_try = math.inf
        trial.report(loss=0.25, step=2)
    told = client.get("/api/v1/studies/a/trials/1/measurements", headers=admin).json()["measurements"]
    assert [each["value"] for each in told] == [0.5, 0.25]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/studies/s/trials/+7"),
        ("GET", "/api/v1/studies/s/trials/7/"),
        ("GET", "/api/v1/studies/s/trials/7/../8"),
        ("GET", "/api/v1/studies//trials/7"),
        ("PUT", "/api/v1/studies/s/trials/7"),
        ("POST", "/api/v1/studies/s/trials/7"),
        ("POST", "/api/v1/studies/s/trials/77/complete"),
        ("POST", "/api/v1/studies/s/trials/7/complete/x"),
        ("POST", "/API/v1/studies/s/trials/7/complete"),
        ("POST", "/api/v1/studies/s/trials/7/stop"),
    ],
)
def test_what_is_not_known_a_narrow_token_does_not_allow(method: str, path: str) -> None:
    study = make.study()
    token = Token(id="t", digest="", role="trial", study_uid=study.uid, ordinal=7)
    assert refusal(token, "POST", "/api/v1/studies/s/trials/7/complete", lambda key: study) is None
    assert refusal(token, method, path, lambda key: study) is not None


def test_whoever_is_refused_learns_what_the_token_is_for_and_which_one_to_get(
    client: httpx.Client, store: Store
) -> None:
    admin = bearer(store, Role.ADMIN)
    for name in ("a", "b"):
        client.post("/api/v1/studies", json={"name": name, "spec": SPEC}, headers=admin)
        client.post(f"/api/v1/studies/{name}/suggest", json={"client": "c", "count": 2}, headers=admin)
    user, narrow, trial = bearer(store, Role.USER), bearer(store, Role.USER, "a"), bearer(store, Role.TRIAL, "a", 1)
    own = "the token only reads trial 1 of study 'a', and reports on it"
    for token, method, path, why in (
        (user, "DELETE", "/studies/a", "a user's token deletes no studies"),
        (narrow, "GET", "/studies/b", "the token is for study 'a', not for 'b'"),
        (narrow, "GET", "/studies/none", "the token is for study 'a', not for 'none'"),
        (narrow, "POST", "/studies", "the token is for study 'a' only, and makes no others"),
        (narrow, "POST", "/studies/a/clone", "the token is for study 'a' only, and makes no others"),
        (narrow, "GET", "/nothing", "the token is for study 'a' only"),
        (trial, "GET", "/studies", own),
        (trial, "GET", "/studies/a", own),
        (trial, "POST", "/studies/a/suggest", own),
        (trial, "POST", "/studies/a/trials/1/stop", own),
        (trial, "GET", "/studies/a/trials/2", "the token is for trial 1, not for trial 2"),
        (trial, "GET", "/studies/b/trials/1", "the token is for study 'a', not for 'b'"),
    ):
        problem = client.request(method, f"/api/v1{path}", headers=token).json()["error"]
        assert (problem["code"], problem["message"]) == ("forbidden", why)
        assert "katib token create --role" in problem["hint"]
    client.delete("/api/v1/studies/a", headers=admin)
    problem = client.get("/api/v1/studies/b", headers=narrow).json()["error"]
    assert problem["message"] == "the token is for a study that was deleted, not for 'b'"


def test_advisors_door_is_no_way_round(client: httpx.Client, store: Store) -> None:
    admin = bearer(store, Role.ADMIN)
    for name in ("a", "b"):
        client.post("/api/v1/studies", json={"name": name, "spec": SPEC}, headers=admin)
        client.post(f"/api/v1/studies/{name}/suggest", json={"client": "w", "count": 2}, headers=admin)
    user, narrow = bearer(store, Role.USER), bearer(store, Role.USER, study="a")
    trial = bearer(store, Role.TRIAL, study="a", ordinal=1)
    studies = "/suggestion/v1/studies"
    asked = [
        ("GET", studies, None, {}),
        ("DELETE", f"{studies}/a", None, user),
        ("GET", studies, None, narrow),
        ("GET", f"{studies}/b", None, narrow),
        ("POST", f"{studies}/b/suggestions", {}, narrow),
        ("DELETE", f"{studies}/a", None, narrow),
        ("PUT", f"{studies}/a/trials/2", {"status": "Completed", "objective_value": 1}, trial),
        ("DELETE", f"{studies}/a/trials/1", None, trial),
        ("POST", f"{studies}/a/suggestions", {}, trial),
    ]
    answers = [client.request(method, path, json=body, headers=headers) for method, path, body, headers in asked]
    assert [answer.status_code for answer in answers] == [401] + [403] * 8
    assert client.get(f"{studies}/a", headers=narrow).json()["data"]["name"] == "a"
    assert [study["name"] for study in client.get(studies, headers=user).json()["data"]] == ["a", "b"]


def test_a_key_of_somebody_else_tells_nothing(client: httpx.Client, store: Store) -> None:
    one, other = bearer(store, Role.USER), bearer(store, Role.USER)
    key = {"Idempotency-Key": "k"}
    body = {"name": "mine", "spec": SPEC}
    assert client.post("/api/v1/studies", json=body, headers={**one, **key}).status_code == 201
    answer = client.post("/api/v1/studies", json=body, headers={**other, **key})
    assert (answer.status_code, answer.headers.get("idempotent-replay")) == (200, None)


def test_a_request_that_is_too_large_is_refused(client: httpx.Client, store: Store) -> None:
    admin = bearer(store, Role.ADMIN)

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 1000

    for content in (b" " * 10_001, pieces()):
        answer = client.post("/api/v1/studies", content=content, headers=admin)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_numbers_and_log_lines_hold_no_secret(
    client: httpx.Client, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    admin = bearer(store, Role.ADMIN)
    with caplog.at_level(logging.INFO, logger="katib.server.requests"):
        client.post("/api/v1/studies", json={"name": "a", "spec": SPEC}, headers=admin)
        client.get("/api/v1/studies/a", params={"secret": "in a query"}, headers=admin)
        client.get("/api/v1/studies/b", headers=admin)
        numbers = client.get("/metrics", headers=admin).text
    assert 'katib_http_requests_total{method="POST",route="/api/v1/studies",status="201"} 1.0' in numbers
    assert 'katib_http_requests_total{method="GET",route="/api/v1/studies/{study}",status="404"} 1.0' in numbers
    lines = [record.__dict__["fields"] for record in caplog.records]
    assert [(line["path"], line["status"]) for line in lines][:2] == [
        ("/api/v1/studies", 201),
        ("/api/v1/studies/a", 200),
    ]
    assert "in a query" not in str(lines)
    assert admin["Authorization"].split("_", 2)[2] not in str(lines)


def test_a_token_is_for_what_goes_together(store: Store) -> None:
    for role, study, ordinal, paths in (
        (Role.ADMIN, "a", 0, ["--study"]),
        (Role.TRIAL, "", 0, ["--study", "--trial"]),
        (Role.USER, "", 3, ["--trial"]),
    ):
        with pytest.raises(InvalidInput) as caught:
            create_token(store, role, study=study, ordinal=ordinal, now=1.0)
        assert [fault.path for fault in caught.value.faults] == paths


def test_a_token_is_for_a_trial_that_there_is(client: httpx.Client, store: Store) -> None:
    admin = bearer(store, Role.ADMIN)
    client.post("/api/v1/studies", json={"name": "a", "spec": SPEC}, headers=admin)
    with pytest.raises(NotFound, match="there is no trial 1"):
        bearer(store, Role.TRIAL, "a", 1)
    assert len(store.tokens()) == 1


def test_off_loopback_everybody_is_asked(store: Store) -> None:
    assert [is_loopback(host) for host in ("localhost", "127.0.0.9", "::1", "0.0.0.0", "::", "example.org")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    far, near = ServerSettings(host="0.0.0.0"), ServerSettings()
    assert check_protected(store, near, asked=False, insecure=False) is False
    assert check_protected(store, far, asked=False, insecure=True) is False
    for settings, asked in ((far, False), (near, True)):
        with pytest.raises(InvalidInput, match="katib token create"):
            check_protected(store, settings, asked=asked, insecure=False)
    create_token(store, Role.ADMIN, now=1.0)
    assert check_protected(store, far, asked=False, insecure=False) is True
    assert check_protected(store, near, asked=True, insecure=False) is True


def test_a_name_with_a_slash_stands_in_an_address(client: httpx.Client, store: Store) -> None:
    admin = bearer(store, Role.ADMIN)
    client.post("/api/v1/studies", json={"name": "me/digits", "spec": SPEC}, headers=admin)
    study = "/api/v1/studies/me%2Fdigits"
    assert client.get(study, headers=admin).json()["name"] == "me/digits"
    assert client.post(f"{study}/suggest", json={"client": "a", "count": 2}, headers=admin).status_code == 200
    mine = bearer(store, Role.TRIAL, "me/digits", 1)
    report = {"measurements": [{"metrics": {"loss": 1.0}}]}
    assert client.post(f"{study}/trials/1/measurements", json=report, headers=mine).status_code == 200
    assert client.post(f"{study}/trials/2/measurements", json=report, headers=mine).status_code == 403
    assert client.get("/api/v1/studies/me%2fnone", headers=admin).status_code == 404
