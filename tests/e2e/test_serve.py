"""`katib suggestion serve` as a process: its address, its end, and that killing it changes no answer."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from katib.rpc.channels import open_channel
from katib.testing.algorithms import SPACES, study_config
from katib.testing.katib_controller import STATUS, KatibController

if TYPE_CHECKING:
    from conftest import Cli, Serving


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_and_ends_when_it_is_told_to(
    cli: "Cli", serving: "Serving", number: signal.Signals
) -> None:
    with serving("--port", "0") as (process, address):
        assert address.startswith("127.0.0.1:"), "other machines must not reach it unless that is asked for"
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.communicate()[1] == ""


def test_a_port_that_is_taken(cli: "Cli", serving: "Serving") -> None:
    with serving("--port", "0") as (_process, address):
        port = address.rpartition(":")[2]
        done = cli.run("suggestion", "serve", "--port", port, code=1)
        assert f"cannot listen on 127.0.0.1:{port}" in done.err
        assert "--port" in done.err


@pytest.mark.parametrize("algorithm", ["tpe", "sobol"])
def test_killing_it_between_any_two_calls_changes_no_answer(cli: "Cli", serving: "Serving", algorithm: str) -> None:
    """An undisturbed twin is asked the same."""

    def controller(address: str) -> KatibController:
        config = study_config(algorithm, SPACES["mixed"], name="victim", settings={})
        return KatibController(channel=open_channel(address), config=config, chance=random.Random(1))

    with serving("--port", "0") as (_undisturbed, steady):
        twin = controller(steady)
        victim = controller(steady)
        for batch in (6, 4, 3):
            # As kubelet would after the kernel ran out of memory.
            with serving("--port", "0") as (process, address):
                victim.channel = open_channel(address)
                for katib in (twin, victim):
                    katib.ask(batch)
                    for position in range(len(katib.trials)):
                        katib.finish(position, STATUS.SUCCEEDED, position * 37 % 11)
                victim.channel.close()
                os.kill(process.pid, signal.SIGKILL)
        assert victim.points == twin.points
        assert len(victim.points) == 13
        twin.channel.close()


def test_without_the_packages_it_says_what_to_install(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["grpc"] = None
sys.argv = ["katib", "suggestion", "serve"]
from katib.cli.main import run
run()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "grpc" in done.stderr
    assert "pip install 'katib-engine[server]'" in done.stderr
    assert "Traceback" not in done.stderr
