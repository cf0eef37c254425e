"""Who may do what: bearer tokens, of which the store keeps digests only.

A token's secret has 256 random bits, so a plain digest of it cannot be guessed back: slow hashing is for passwords.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable

from katib.errors import Fault, InvalidInput, NotFound
from katib.service.roles import Role
from katib.service.studies import find_study
from katib.stores.contract import Store, Token

PREFIX = "katib"
"""Tokens begin with it, so that scanners of leaked secrets can tell them."""


def create_token(
    store: Store, role: Role, *, study: str = "", ordinal: int = 0, note: str = "", now: float
) -> tuple[str, Token]:
    """Make a token. Its text is returned, and kept nowhere.

    Args:
        study: the study that it is for, by name or uid; empty for all.
        ordinal: the trial of that study that it is for.

    Raises:
        InvalidInput: a role that does not go with these.
        NotFound: no such study.
    """
    faults = []
    if role is Role.ADMIN and study:
        faults.append(Fault(path="--study", given=study, wanted="nothing: an admin's token is for all studies"))
    if role is Role.TRIAL and not study:
        faults.append(Fault(path="--study", wanted="a study: a trial's token is for one trial"))
    if role is Role.TRIAL and ordinal < 1:
        faults.append(Fault(path="--trial", wanted="the trial's number, from 1"))
    if role is not Role.TRIAL and ordinal:
        faults.append(Fault(path="--trial", given=str(ordinal), wanted="nothing: only a trial's token is for a trial"))
    if faults:
        raise InvalidInput(faults, what="the token")
    uid = find_study(store, study).uid if study else ""
    secret, token_id = secrets.token_urlsafe(32), secrets.token_hex(6)
    token = Token(
        id=token_id,
        digest=_digest(secret),
        role=role.value,
        study_uid=uid,
        ordinal=ordinal,
        note=note,
        created_at=now,
    )
    store.add_token(token)
    return f"{PREFIX}_{token_id}_{secret}", token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class Access:
    """Tells whose a token is. Thread-safe.

    Args:
        seconds: how long a token that was looked up is taken for valid.
    """

    def __init__(self, store: Store, *, seconds: float = 5.0, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._seconds = seconds
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Token, float]] = {}

    def remembered(self, text: str) -> Token | None:
        """The token, if it was looked up a moment ago."""
        digest = _digest(text)
        with self._lock:
            token, until = self._known.get(digest, (None, 0.0))
            return token if until > self._now() else None

    def token(self, text: str) -> Token | None:
        """The token of which `text` is the secret form; None when there is none, or it was revoked."""
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        if prefix != PREFIX or not secret or not text.isascii():
            return None
        try:
            token = self._store.token(token_id)
        except NotFound:
            return None
        if not hmac.compare_digest(token.digest, _digest(secret)):
            return None
        with self._lock:
            now = self._now()
            self._known = {each: kept for each, kept in self._known.items() if kept[1] > now}
            self._known[_digest(text)] = (token, now + self._seconds)
        return token


def refuses_report(token: Token, uid: str, ordinal: int) -> str:
    """Why a token does not allow to report on a trial of the study of that uid; empty when it does."""
    if token.study_uid not in ("", uid):
        return "the token is for another study"
    return "the token is for another trial" if token.ordinal not in (0, ordinal) else ""


_OF_STUDY = re.compile(r"/(?:api|suggestion)/v1/studies/([^/]+)(/.*)?")
_OF_TRIAL = re.compile(r"/trials/([0-9]{1,18})(/.*)?")
_READS = frozenset({"", "/measurements"})
_REPORTS = frozenset({"/measurements", "/complete", "/infeasible", "/fail", "/heartbeat", "/should-stop"})


def refusal(token: Token, method: str, path: str, uid_of: Callable[[str], str | None]) -> str:
    """Why a token does not allow a request; empty when it does. What is not known here, a narrow token does not allow.

    Args:
        path: of the request, decoded.
        uid_of: the uid of a study by its name or uid; None when there is none.
    """
    role = Role(token.role)
    if role is Role.ADMIN:
        return ""
    found = _OF_STUDY.fullmatch(path)
    if role is Role.USER and method == "DELETE" and found is not None and not found[2]:
        return "only an admin's token deletes studies"
    if not token.study_uid:
        return ""
    if role is Role.USER and (method, path) == ("GET", "/api/v1/studies"):
        # It sees its own in the list.
        return ""
    if found is None or uid_of(found[1]) != token.study_uid:
        return "the token is for another study"
    if role is Role.USER:
        return "" if found[2] != "/clone" else "the token is for one study, and cannot make others"
    trial = _OF_TRIAL.fullmatch(found[2] or "")
    if trial is None or int(trial[1]) != token.ordinal:
        return "the token is for another trial"
    allowed = _READS if method == "GET" else _REPORTS if method == "POST" else frozenset()
    return "" if (trial[2] or "") in allowed else "a trial's token only reads and reports on its trial"
