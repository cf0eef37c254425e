"""`katib server` and `katib token` as a user runs them."""

import json
import re
import shutil
import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import grpc
import httpx
import pytest

from katib.rpc.methods import stub
from katib.rpc.vizier_methods import LIST_STUDIES
from katib.testing.commands import Command

PAGE = Path(__file__).parents[2] / "docs" / "server.md"
SPEC = {
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "random"},
    "maxTrialCount": 5,
    "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
}

Server = Callable[..., AbstractContextManager[tuple[Command, str]]]


@pytest.fixture
def server(cli) -> Server:
    @contextmanager
    def started(*args: str) -> Iterator[tuple[Command, str]]:
        with cli.announced(r"at (\S+) ", "server", "--port", "0", *args) as found:
            yield found

    return started


def test_the_walk_through_works_as_it_stands(server: Server) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    with server("--quiet") as (_process, address):
        script = "set -e\n" + "\n".join(f"{block}\necho" for block in blocks)
        done = subprocess.run(["bash"], input=script, env={"SERVER": address, "PATH": "/usr/bin:/bin"}, text=True,
                              capture_output=True)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"copied":2' in done.stdout
        assert httpx.get(f"{address}/api/v1/studies").json()["studies"] == []


def test_a_server_that_is_killed_is_replaced_in_the_middle(server: Server) -> None:
    """T9's server side: what was answered is on record, and the clients' trials are still theirs."""
    with server() as (process, address):
        created = httpx.post(f"{address}/api/v1/studies", json={"name": "s", "spec": SPEC})
        assert created.status_code == 201, created.text
        ask = {"client": "a", "count": 2}
        trials = httpx.post(f"{address}/api/v1/studies/s/suggest", json=ask).json()["trials"]
        key = {"Idempotency-Key": "k"}
        more = {"client": "a", "count": 1, "afresh": True}
        answer = httpx.post(f"{address}/api/v1/studies/s/suggest", json=more, headers=key).json()
        process.kill()
    with server() as (process, address):
        study = f"{address}/api/v1/studies/s"
        assert httpx.post(f"{study}/suggest", json=more, headers=key).json() == answer
        assert httpx.post(f"{study}/suggest", json=ask).json()["trials"] == trials
        done = httpx.post(f"{study}/trials/1/complete", json={"metrics": {"loss": 1}})
        assert done.json()["status"] == "Succeeded"
        assert httpx.get(study).json()["counts"]["created"] == 3
        # A stream does not hold it up when it is to stop.
        with httpx.stream("GET", f"{study}/watch", timeout=60) as stream:
            next(stream.iter_lines())
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        lines = [json.loads(line) for line in process.communicate()[1].splitlines()]
        assert {"event": "request", "path": "/api/v1/studies/s/suggest", "status": 200}.items() <= lines[0].items()


def test_on_other_addresses_a_token_is_needed(cli, server: Server) -> None:
    refused = cli.run("server", "--host", "0.0.0.0", "--port", "0", code=2)
    assert "katib token create --role admin" in refused.err
    text = cli.run("token", "create", "--role", "admin", "--note", "me").out.strip()
    (listed,) = json.loads(cli.run("token", "list", "--output", "json").out)
    assert (listed["role"], listed["note"]) == ("admin", "me")
    assert text.startswith(f"katib_{listed['id']}_")
    assert text.split("_", 2)[2].encode() not in (cli.folder / "katib.db").read_bytes()
    assert cli.run("token", "create", "--role", "trial", code=2).err.count("--") >= 2
    with server("--host", "0.0.0.0") as (_process, bound):
        address = bound.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{address}/api/v1/studies").status_code == 401
        good = {"Authorization": f"Bearer {text}"}
        assert httpx.get(f"{address}/api/v1/studies", headers=good).status_code == 200
    cli.run("token", "revoke", listed["id"])
    assert cli.run("token", "list").out == ""
    cli.run("token", "revoke", listed["id"], code=2)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls(cli, server: Server) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=cli.folder, check=True, capture_output=True,
    )  # fmt: skip
    wrong = cli.run("server", "--port", "0", "--tls-cert", "cert.pem", code=2)
    assert "--tls-key" in wrong.err
    assert "--tls-cert" in cli.run("server", "--tls-cert", "no.pem", "--tls-key", "key.pem", "--port", "0", code=2).err
    with server("--tls-cert", "cert.pem", "--tls-key", "key.pem") as (_process, address):
        assert address.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(cli.folder / "cert.pem"))
        assert httpx.get(f"{address}/healthz", verify=trusted).status_code == 200


def studies_over_grpc(line: str, credentials: grpc.ChannelCredentials | None = None) -> list[str]:
    """The studies of an owner, from the gRPC address in what the server says."""
    found = re.search(r"over gRPC at (\S+);", line)
    assert found is not None, line
    address = found.group(1).replace("0.0.0.0", "127.0.0.1")
    channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
    with channel:
        answer = stub(channel, LIST_STUDIES)(LIST_STUDIES.request(parent="owners/me"), timeout=30)
    return [study.name for study in answer.studies]


def test_grpc_has_a_port_of_its_own(cli) -> None:
    process = cli.start("server", "--port", "0", "--quiet")
    try:
        assert studies_over_grpc(process.first_line()) == []
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_grpc_is_closed_to_others_unless_it_is_opened(cli) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
         "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=cli.folder, check=True, capture_output=True,
    )  # fmt: skip
    for words, open_to_others in ((["--insecure"], False), (["--insecure", "--open-grpc"], True)):
        tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"]
        process = cli.start("server", "--host", "0.0.0.0", "--port", "0", "--quiet", *tls, *words)
        try:
            line = process.first_line()
            if open_to_others:
                trusted = grpc.ssl_channel_credentials((cli.folder / "cert.pem").read_bytes())
                assert studies_over_grpc(line, trusted) == []
            else:
                assert "gRPC is closed" in line
        finally:
            process.kill()
            process.communicate()
