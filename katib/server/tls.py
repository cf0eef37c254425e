"""The certificate and key of `katib server`: told apart, and tried, before anything listens."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from katib.errors import Fault, InvalidInput, cut

CERT, KEY = "--tls-cert", "--tls-key"


@dataclass(frozen=True, kw_only=True)
class Tls:
    """A certificate and its key.

    Attributes:
        cert_file, key_file: where they are.
        cert, key: what is in there, PEM.
    """

    cert_file: str
    key_file: str
    cert: bytes
    key: bytes


def read_tls(cert_file: str, key_file: str) -> Tls | None:
    """The two files; None for none. Raises InvalidInput, which names the option that is not right."""
    if not cert_file and not key_file:
        return None
    given = {CERT: cert_file, KEY: key_file}
    faults = [
        Fault(path=option, wanted="a file: a certificate and its key go together", hint=f"{other} is {given[other]}")
        for option, other in ((CERT, KEY), (KEY, CERT))
        if not given[option]
    ]
    found = {option: _read(option, name, faults) for option, name in given.items() if name}
    if not faults:
        faults = _kinds(given, found)
    if faults:
        raise InvalidInput(faults, what="TLS")
    tls = Tls(cert_file=cert_file, key_file=key_file, cert=found[CERT], key=found[KEY])
    _try(tls)
    return tls


def _read(option: str, name: str, faults: list[Fault]) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        wanted = f"a file that can be read ({error.strerror or error})"
        faults.append(Fault(path=option, given=name, wanted=wanted))
        return b""


def _kinds(given: dict[str, str], found: dict[str, bytes]) -> list[Fault]:
    cert, key = found[CERT], found[KEY]
    if _is_key(cert) and _is_cert(key) and not _is_cert(cert):
        wanted = "the certificate, and this is the key"
        return [Fault(path=CERT, given=given[CERT], wanted=wanted, hint=f"swap {CERT} and {KEY}")]
    faults = []
    if not _is_cert(cert):
        faults.append(Fault(path=CERT, given=given[CERT], wanted="a certificate in PEM: -----BEGIN CERTIFICATE-----"))
    if not _is_key(key):
        faults.append(Fault(path=KEY, given=given[KEY], wanted="a private key in PEM: -----BEGIN PRIVATE KEY-----"))
    elif b"ENCRYPTED" in key:
        hint = f"openssl pkey -in {given[KEY]} -out plain.pem takes it off"
        faults.append(Fault(path=KEY, given=given[KEY], wanted="a key without a passphrase", hint=hint))
    return faults


def _is_cert(pem: bytes) -> bool:
    return b"-----BEGIN CERTIFICATE-----" in pem


def _is_key(pem: bytes) -> bool:
    return b"PRIVATE KEY-----" in pem


def _try(tls: Tls) -> None:
    try:
        # Not for us to speak with anybody: what a server would find wrong is found here.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert_file, tls.key_file, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            wanted = f"the key of the certificate {tls.cert_file}, and it is that of another one"
            fault = Fault(path=KEY, given=tls.key_file, wanted=wanted)
        else:
            said = cut(error.reason or str(error), 100)
            wanted = f"a certificate and its key, in PEM, that OpenSSL takes ({said})"
            fault = Fault(path=f"{CERT}, {KEY}", given=f"{tls.cert_file}, {tls.key_file}", wanted=wanted)
        raise InvalidInput([fault], what="TLS") from error
