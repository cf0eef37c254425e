"""Certificates and keys of `katib server`: what is wrong with them is said before anything listens."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from fastapi import FastAPI

from katib.config import ServerSettings
from katib.errors import InvalidInput
from katib.server.running import HttpServer
from katib.server.tls import read_tls

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"]
    for name in ("one", "other"):
        command = [*new, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run(command, cwd=made, check=True, capture_output=True)
    command = ["openssl", "pkey", "-in", "one.key", "-aes128", "-passout", "pass:secret", "-out", "locked.key"]
    subprocess.run(command, cwd=made, check=True, capture_output=True)
    (made / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (made / "empty").touch()
    return made


def test_a_certificate_and_its_key_are_read(folder: Path) -> None:
    assert read_tls("", "") is None
    tls = read_tls(f"{folder}/one.pem", f"{folder}/one.key")
    assert tls is not None
    assert tls.key == (folder / "one.key").read_bytes()


@pytest.mark.parametrize(
    ("cert", "key", "path", "said"),
    [
        ("one.pem", "", "--tls-key", "go together (--tls-cert is "),
        ("", "one.key", "--tls-cert", "go together (--tls-key is "),
        ("no.pem", "one.key", "--tls-cert", "No such file"),
        ("one.pem", "no.key", "--tls-key", "No such file"),
        ("one.key", "one.pem", "--tls-cert", "swap --tls-cert and --tls-key"),
        ("empty", "one.key", "--tls-cert", "a certificate in PEM"),
        ("one.pem", "empty", "--tls-key", "a private key in PEM"),
        ("one.pem", "locked.key", "--tls-key", "a key without a passphrase"),
        ("one.pem", "other.key", "--tls-key", "it is that of another one"),
        ("broken.pem", "one.key", "--tls-cert, --tls-key", "that OpenSSL takes"),
    ],
)
def test_the_option_that_is_not_right_is_named(folder: Path, cert: str, key: str, path: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_tls(cert and f"{folder}/{cert}", key and f"{folder}/{key}")
    (fault,) = caught.value.faults
    assert fault.path == path
    assert said in str(fault)


@pytest.mark.timeout(25)
def test_a_client_that_keeps_a_connection_does_not_hold_up_the_end(folder: Path) -> None:
    """Left to itself, the event loop waits thirty seconds for such a client to say goodbye."""
    app = FastAPI()
    app.state.closing = asyncio.Event()
    settings = ServerSettings(port=0, grace=60, tls_cert=f"{folder}/one.pem", tls_key=f"{folder}/one.key", threads=2)
    server = HttpServer(app, settings)
    server.start()
    trusting = ssl.create_default_context(cafile=f"{folder}/one.pem")
    port = int(server.address.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as kept,
    ):
        kept.sendall(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert kept.recv(100).startswith(b"HTTP/1.1 404")
        server.stop()
