"""The node as a whole: up, down, and whether it runs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import certificates, images, programs
from .api import get
from .inside import cgroups
from .places import CONTAINERD, HERE, INSIDE, LINK, LOGS, NODE, OUTSIDE, PID, RUN, SERVICES, STATE, VAR
from .waiting import until

_NEEDED = (
    "etcd",
    "containerd",
    "ctr",
    "runc",
    "/usr/lib/cni/bridge",
    "iptables",
    "conntrack",
    "debootstrap",
    "cc",
    "ip",
)
_PACKAGES = HERE.parent / "packages.txt"


def build() -> list[Path]:
    """Make what is cached: programs and images. Returns the images' archives."""
    if os.getuid():
        raise SystemExit("a node needs root: it makes namespaces, mounts and control groups")
    if missing := [command for command in _NEEDED if not shutil.which(command)]:
        packages = " ".join(_PACKAGES.read_text().split())
        raise SystemExit(f"not installed: {', '.join(missing)}: apt-get install --no-install-recommends {packages}")
    archives = images.build()
    programs.build()
    return archives


def up() -> None:
    """Start the node and wait until it takes work. Nothing happens when it runs already."""
    archives = build()
    if process() is not None:
        return
    down()
    started = time.monotonic()
    certificates.make()
    programs.configure()
    try:
        _start()
        _until("containerd", CONTAINERD.exists)
        for archive in archives:
            images.load(archive)
        _until("the node", _takes_work)
    except BaseException as error:
        last = [f"== {log.name}\n{log.read_text(errors='replace')[-1500:]}" for log in sorted(LOGS.glob("*.log"))]
        print("\n".join(last), file=sys.stderr)
        stop()
        raise SystemExit(f"{error}; the programs' last words are above, the rest in {LOGS}") from error
    print(f"the node takes work after {time.monotonic() - started:.0f} s")


def _start() -> None:
    own = ["unshare", "--mount", "--net", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"]
    LOGS.mkdir(parents=True)
    RUN.mkdir()
    (VAR / "run").symlink_to("/run")
    with (LOGS / "inside.log").open("w") as log:
        begun = subprocess.Popen(
            [*own, sys.executable, "-m", "node.inside"],
            cwd=HERE.parent,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    PID.write_text(f"{begun.pid} {_started(begun.pid)}")
    children = Path(f"/proc/{begun.pid}/task/{begun.pid}/children")
    _until("namespaces", lambda: children.exists() and children.read_text())
    first = children.read_text().strip()
    for words in (
        f"link add {LINK} type veth peer name uplink netns {first}",
        f"addr add {OUTSIDE}/24 dev {LINK}",
        f"link set {LINK} up",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    begun.stdin.write(b"go\n")
    begun.stdin.close()
    subprocess.run(["ip", "route", "add", SERVICES, "via", INSIDE], check=True)


def _until(what: str, holds: Callable[[], object]) -> None:
    def holds_or_ended() -> object:
        if process() is None:
            raise SystemExit(f"{what}: the node has ended")
        return holds()

    until(what, holds_or_ended)


def _takes_work() -> bool:
    try:
        node = get(f"/api/v1/nodes/{NODE}")
        get("/api/v1/namespaces/default/serviceaccounts/default")
    except OSError:
        return False
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])
    return ready and not node["spec"].get("taints")


def process() -> int | None:
    """The process that holds the node, while it runs."""
    try:
        pid, started = PID.read_text().split()
    except FileNotFoundError:
        return None
    return int(pid) if _started(int(pid)) == started else None


def _started(pid: int) -> str:
    """When a process started, in the kernel's count: two that had the same number differ in it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stop() -> None:
    """End every process of the node; its files stay."""
    pid = process()
    if pid is not None:
        # The kernel then kills the first process inside, and with it all that runs there.
        os.kill(pid, signal.SIGKILL)
        until("the end of the node", lambda: process() is None)
    until("the end of its processes", _cgroups_removed)


def _cgroups_removed() -> bool:
    for top in cgroups():
        for folder, _folders, _files in os.walk(top, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                return False
    return True


def down() -> None:
    """End the node, and remove all that it wrote. Nothing happens when there is none."""
    stop()
    if STATE.exists():
        shutil.rmtree(STATE)
