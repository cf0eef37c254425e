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
from dataclasses import dataclass

from katib.core.study import Study
from katib.errors import Fault, InvalidInput, NotFound, cut
from katib.service.roles import Role
from katib.service.shown import trial_of
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
        NotFound: no such study or trial.
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
    if ordinal:
        trial_of(store, uid, ordinal)
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


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why a token does not allow something, and which one would."""

    why: str
    hint: str


StudyOf = Callable[[str], Study | None]
"""The study of a name or uid; None when there is none."""


def refuses_report(token: Token, study: Study, ordinal: int, study_of: StudyOf) -> Refusal | None:
    """Why a token does not allow to report on a trial; None when it does."""
    if token.study_uid not in ("", study.uid):
        return _other_study(token, study.name, study_of)
    return _other_trial(token, ordinal) if token.ordinal not in (0, ordinal) else None


_OF_STUDY = re.compile(r"/(?:api|suggestion)/v1/studies/([^/]+)(/.*)?")
_OF_TRIAL = re.compile(r"/trials/([0-9]{1,18})(/.*)?")
_READS = frozenset({"", "/measurements"})
_REPORTS = frozenset({"/measurements", "/complete", "/infeasible", "/fail", "/heartbeat", "/should-stop"})
_FOR_USERS = "`katib token create --role user` makes one for all studies"


def refusal(token: Token, method: str, path: str, study_of: StudyOf) -> Refusal | None:
    """Why a token does not allow a request; None when it does. What is not known here, a narrow token does not allow.

    Args:
        path: of the request, decoded.
    """
    role = Role(token.role)
    if role is Role.ADMIN:
        return None
    found = _OF_STUDY.fullmatch(path)
    if role is Role.USER and method == "DELETE" and found is not None and not found[2]:
        hint = "`katib token create --role admin` makes one that may"
        return Refusal(why="a user's token deletes no studies", hint=hint)
    if not token.study_uid or (role is Role.USER and (method, path) == ("GET", "/api/v1/studies")):
        # In the list, it sees its own study.
        return None
    if found is not None:
        study = study_of(found[1])
        if study is None or study.uid != token.study_uid:
            return _other_study(token, found[1], study_of)
    if role is Role.USER:
        if found is not None and found[2] != "/clone":
            return None
        makes = method == "POST" and (found is not None or path.startswith("/api/v1/"))
        why = f"the token is for {_own(token, study_of)} only{', and makes no others' if makes else ''}"
        return Refusal(why=why, hint=_FOR_USERS)
    trial = _OF_TRIAL.fullmatch(found[2] or "") if found is not None else None
    if trial is not None and int(trial[1]) != token.ordinal:
        return _other_trial(token, int(trial[1]))
    allowed = _READS if method == "GET" else _REPORTS if method == "POST" else frozenset()
    if trial is not None and (trial[2] or "") in allowed:
        return None
    why = f"the token only reads trial {token.ordinal} of {_own(token, study_of)}, and reports on it"
    return Refusal(why=why, hint="`katib token create --role user --study NAME` makes one that may more")


def _other_study(token: Token, name: str, study_of: StudyOf) -> Refusal:
    return Refusal(why=f"the token is for {_own(token, study_of)}, not for {cut(name, 200)!r}", hint=_FOR_USERS)


def _other_trial(token: Token, ordinal: int) -> Refusal:
    hint = f"`katib token create --role trial --study NAME --trial {ordinal}` makes one for it"
    return Refusal(why=f"the token is for trial {token.ordinal}, not for trial {ordinal}", hint=hint)


def _own(token: Token, study_of: StudyOf) -> str:
    study = study_of(token.study_uid)
    return f"study {study.name!r}" if study else "a study that was deleted"
