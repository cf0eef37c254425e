"""What katib's own Python client says of bad input, of refusals, and of servers that are none."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from katib.client import Client, ServerUnavailable
from katib.client.calls import Call
from katib.client.remote import RemoteDesk
from katib.embedded.desk import EmbeddedDesk
from katib.errors import AccessDenied, AlgorithmUnknown, InvalidInput, KatibError, NotFound, StudyClosed
from katib.testing.clients import Open, study_of


def test_faults_come_back_as_they_were_found(client: Client) -> None:
    with pytest.raises(InvalidInput) as caught:
        study_of(client, parameters={"lr": "log:1", "n": "integer:1:8", "c": []}, early_stopping=":")
    paths = {fault.path for fault in caught.value.faults}
    assert paths == {"spec.parameters.lr", "spec.parameters.n", "spec.parameters.c", "spec.earlyStopping"}
    with pytest.raises(InvalidInput) as caught:
        study_of(client, parameters={"lr": "log:1"}, max_trials=0, algorithm="magic")
    paths = {fault.path for fault in caught.value.faults}
    assert paths == {"spec.parameters.lr", "spec.maxTrialCount", "spec.algorithm.algorithmName"}
    with pytest.raises((AlgorithmUnknown, InvalidInput), match="magic"):
        study_of(client, algorithm="magic")
    with pytest.raises(InvalidInput, match="minimize="):
        study_of(client, minimize=None)
    (trial,) = study_of(client).suggest()
    with pytest.raises(InvalidInput, match="at least one metric"):
        trial.report()
    with pytest.raises(InvalidInput, match="loss: a number"):
        trial.report(loss="high")  # type: ignore[arg-type]


def test_a_report_that_is_refused_is_not_sent_for_ever(client: Client) -> None:
    study = study_of(client)
    (trial,) = study.suggest()
    study.delete()
    with pytest.raises(NotFound):
        trial.report(loss=1)
    assert not client._outbox._kept
    assert study_of(client).name == "digits"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (httpx.Response(502, text="<html>bad gateway"), ServerUnavailable, "HTTP 502: <html>bad gateway"),
        (httpx.Response(503, json={"error": {"code": "try_again", "message": "busy"}}), ServerUnavailable, "busy"),
        (
            httpx.Response(401, json={"error": {"code": "unauthorized", "message": "a token"}}),
            AccessDenied,
            "KATIB_TOKEN",
        ),
        (httpx.Response(403, json={"error": {"code": "forbidden", "message": "not you"}}), AccessDenied, "not you"),
        (httpx.Response(404, json={"detail": "Not Found"}), NotFound, "HTTP 404"),
        (httpx.Response(409, json={"error": {"code": "study_closed", "message": "over"}}), StudyClosed, "over"),
        (httpx.Response(500, text=""), KatibError, "HTTP 500: Internal Server Error"),
    ],
)
def test_answers_of_others_are_errors_of_katib(answer: httpx.Response, kind: type[KatibError], said: str) -> None:
    desk = RemoteDesk("http://somewhere", token="secret", transport=httpx.MockTransport(lambda request: answer))
    with pytest.raises(kind, match=said) as caught:
        desk.call(Call(operation="list_studies"))
    assert type(caught.value) is kind


SELF_SIGNED = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)"


@pytest.mark.parametrize(
    ("address", "error", "kind", "said"),
    [
        ("https://a", httpx.ConnectError(SELF_SIGNED), AccessDenied,
         "the certificate of https://a is not trusted: self-signed certificate .*SSL_CERT_FILE"),
        ("https://a", httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)"),
         ServerUnavailable, "is the address http://"),
        ("http://a", httpx.RemoteProtocolError("Server disconnected without sending a response."),
         ServerUnavailable, "is the address https://"),
        ("http://a", httpx.ConnectError("[Errno 111] Connection refused"), ServerUnavailable, "running there"),
    ],
)  # fmt: skip
def test_no_answer_is_explained(address: str, error: Exception, kind: type[KatibError], said: str) -> None:
    def fails(_request: httpx.Request) -> httpx.Response:
        raise error

    desk = RemoteDesk(address, transport=httpx.MockTransport(fails))
    with pytest.raises(kind, match=said) as caught:
        desk.call(Call(operation="list_studies"))
    assert type(caught.value) is kind
    # What will not get better is not tried again.
    assert caught.value.retriable is (kind is ServerUnavailable)


@pytest.mark.parametrize("token", ["schlüssel", "a b", "a\n"])
def test_a_token_is_one(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="katib token create") as caught:
        Client("http://127.0.0.1:9", token=token)
    assert token not in str(caught.value)
    monkeypatch.setenv("KATIB_TOKEN", token)
    with pytest.raises(InvalidInput, match="KATIB_TOKEN"):
        Client("http://127.0.0.1:9")


def test_what_is_given_is_checked_before_it_is_sent(client: Client) -> None:
    study = study_of(client)
    (trial,) = study.suggest(client="a")
    given: list[tuple[str, Callable[[], object]]] = [
        ("count", lambda: study.suggest("worker-1")),  # type: ignore[arg-type]
        ("count", lambda: study.suggest(0)),
        ("lease_seconds", lambda: study.suggest(client="a", lease_seconds=0)),
        ("metrics", lambda: trial.report({"lo\0ss": 1})),
        ("metrics", lambda: trial.report({"m" * 256: 1})),
        ("metrics", lambda: trial.complete(0.5)),  # type: ignore[arg-type]
        ("step", lambda: trial.report(loss=1, step=-1)),
        ("step", lambda: trial.report(loss=1, step=1.5)),  # type: ignore[arg-type]
        ("step", lambda: trial.complete(loss=1, step="last")),  # type: ignore[arg-type]
        ("status", lambda: study.list_trials(status="done")),
        ("number", lambda: study.get_trial(0)),
        ("study", lambda: client.get_study(3)),  # type: ignore[arg-type]
        ("study", lambda: client.get_trial("", 1)),
        ("parameters", lambda: client.create_study("x", parameters="lr", minimize="loss")),  # type: ignore[arg-type]
        ("parameters['lr']", lambda: client.create_study("x", parameters={"lr": (0, 1)}, minimize="loss")),
        ("max_trials", lambda: study.change_budget(max_trials="many")),  # type: ignore[arg-type]
        ("max_seconds", lambda: study.change_budget(max_seconds="1h")),  # type: ignore[arg-type]
    ]
    for path, call in given:
        with pytest.raises(InvalidInput) as caught:
            call()
        assert [fault.path for fault in caught.value.faults] == [path]
    assert trial.measurements() == []


def test_a_report_that_nobody_can_take_is_in_nobodys_way(shared: EmbeddedDesk) -> None:
    class Broken(Open):
        def _report(self, *_given: Any) -> dict[str, Any]:
            raise ValueError("a fault of ours")

    with Client(desk=Broken(shared)) as client:
        study = study_of(client, "broken")
        (trial,) = study.suggest()
        with pytest.raises(ValueError, match="of ours"):
            trial.report(loss=1)
        assert trial.complete(loss=1).value == 1.0
        study.delete()


def test_an_address_is_one() -> None:
    with pytest.raises(InvalidInput, match="http://host:port"):
        Client("localhost:8080")
    with pytest.raises(ServerUnavailable, match="is `katib server` running there"):
        RemoteDesk("http://127.0.0.1:9").call(Call(operation="list_studies"))
