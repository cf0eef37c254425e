"""The one door to the network: a request as JSON, an answer as JSON, an error as one of `katib.errors`."""

from collections.abc import Mapping
from typing import Any

import httpx

from katib import errors
from katib.errors import AccessDenied, Fault, InvalidInput, KatibError, cut

TIMEOUT = httpx.Timeout(100.0, connect=10.0)
"""Seconds; an algorithm may take a minute for its answer."""


class ServerUnavailable(KatibError):
    """The server cannot be reached, or says that trying again may help."""

    retriable = True


_BY_CODE: Mapping[str, type[KatibError]] = {
    "unauthorized": AccessDenied,
    "forbidden": AccessDenied,
    "not_found": errors.NotFound,
    "already_exists": errors.AlreadyExists,
    "study_closed": errors.StudyClosed,
    "trial_ended": errors.TrialEnded,
    "conflict": errors.Conflict,
    "owned_elsewhere": errors.LeaseHeld,
    "algorithm_unknown": errors.AlgorithmUnknown,
    "try_again": ServerUnavailable,
}
_BY_STATUS: Mapping[int, type[KatibError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: errors.NotFound,
    502: ServerUnavailable,
    503: ServerUnavailable,
    504: ServerUnavailable,
}


def headers(token: str | None) -> dict[str, str]:
    """What every request carries."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def unreachable(address: str, error: Exception) -> KatibError:
    """What a request that got no answer raises."""
    said = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in said:
        why = said.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or said
        hint = "have the environment variable SSL_CERT_FILE name a file with it, or with its authority's, in PEM"
        return AccessDenied(f"the certificate of {address} is not trusted: {why}", hint=hint)
    hint = "is `katib server` running there?"
    if "WRONG_VERSION_NUMBER" in said or "RECORD_LAYER_FAILURE" in said:
        hint = "it does not speak TLS: is the address http://…?"
    elif address.startswith("http://") and isinstance(error, httpx.RemoteProtocolError):
        hint = "it broke off: is the address https://…?"
    return ServerUnavailable(f"no answer from {address}: {said}", hint=hint)


def answer(response: httpx.Response) -> Any:
    """What the server answered. Raises the error that it answered with."""
    if response.is_success:
        return response.json() if response.content else None
    raise _error(response)


def _error(response: httpx.Response) -> KatibError:
    told = _told(response)
    message, hint = str(told.get("message", "")), str(told.get("hint", ""))
    faults = [_fault(each) for each in told.get("faults") or ()]
    if faults:
        return InvalidInput(faults, what="the request", hint=hint)
    if "retry-after" in response.headers:
        # Whatever else it says: a server that is to be asked again will answer otherwise then.
        return ServerUnavailable(message, hint=hint)
    kind = _BY_CODE.get(str(told.get("code"))) or _BY_STATUS.get(response.status_code, KatibError)
    if response.status_code == 401:
        hint = "give Client(token=…) or KATIB_TOKEN what `katib token create` printed"
    return kind(message, hint=hint)


def _fault(told: Mapping[str, str]) -> Fault:
    path, given, wanted, hint = (told.get(key, "") for key in ("path", "given", "wanted", "hint"))
    return Fault(path=path, given=given, wanted=wanted, hint=hint)


def _told(response: httpx.Response) -> Mapping[str, Any]:
    """What the answer says of its error: an object of katib's API, a text and more of advisor's, a text of a proxy."""
    try:
        body = response.json()
        told = body["error"]
    except (ValueError, KeyError, TypeError):
        text = cut(response.text, 200) or response.reason_phrase
        return {"message": f"HTTP {response.status_code}: {text}"}
    return told if isinstance(told, Mapping) else {**body, "message": str(told)}


class Wire:
    """Requests to one server.

    Args:
        address: without a slash at its end.
        transport: what carries them instead of the network, for tests.
    """

    def __init__(self, address: str, *, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self.address = address
        self._http = httpx.Client(base_url=address, headers=headers(token), timeout=TIMEOUT, transport=transport)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request and return what was answered.

        Args:
            more: as httpx takes them: `params`, `headers`.

        Raises:
            ServerUnavailable: no answer.
            KatibError: the error that the server answered with.
        """
        if body is not None:
            more["json"] = body
        try:
            response = self._http.request(method, path, **more)
        except httpx.TransportError as error:
            raise unreachable(self.address, error) from error
        return answer(response)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
