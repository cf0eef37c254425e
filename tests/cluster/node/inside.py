"""The node's first process, in namespaces of its own: prepares them, starts the programs, starts again what ends.

When it ends, the kernel ends every other process in there and takes mounts, links and packet rules away with them.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from . import dns, programs
from .api import answers
from .places import BRIDGE, BRIDGE_ADDRESS, CGROUP, INSIDE, LOGS, RUN, STATE, VAR
from .waiting import until

# What the kubelet sets for the whole machine on its start, and finds set as it wants: files stand in for the kernel's.
_TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def main() -> None:
    """Run the node until it is killed. A line on standard input says that its network is there."""
    sys.stdin.readline()
    _network()
    _mounts()
    # From here on /var and /run are the node's own.
    running: dict[int, str] = {}
    commands = programs.commands()
    for name in commands:
        running[_start(name, commands[name])] = name
        if name == "etcd":
            until("etcd", lambda: answers("http://127.0.0.1:2379/health"))
        if name == "kube-apiserver":
            until("the API server", lambda: answers("/readyz"))
    dns.serve_in_background()
    while True:
        # Also what containers leave behind: the first process is the parent of every orphan.
        ended, status = os.wait()
        name = running.pop(ended, None)
        if name is not None:
            print(f"{name} ended with {os.waitstatus_to_exitcode(status)}: it is started again", flush=True)
            time.sleep(1)
            running[_start(name, commands[name])] = name


def _start(name: str, command: list[str | Path]) -> int:
    with (LOGS / f"{name}.log").open("a") as log:
        # A session of its own: a signal to the terminal's group is not for it.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    # It is waited for in `main`, with all others.
    process.returncode = 0
    return process.pid


def _network() -> None:
    for words in (
        "link set lo up",
        # With an address of its own: else it takes one of its ports', another one whenever a pod comes or goes, and
        # whoever knew the old one does not reach the node until it has forgotten that.
        f"link add {BRIDGE} address {BRIDGE_ADDRESS} type bridge",
        f"addr add {INSIDE}/24 dev {BRIDGE}",
        f"link set uplink master {BRIDGE} up",
        f"link set {BRIDGE} up",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _mounts() -> None:
    # Mounts of pods have to be seen by the kubelet and by containers, and by nobody outside.
    _mount("--make-rshared", "/")
    # A view of this network namespace, with the machine's control groups.
    new = STATE / "sys"
    new.mkdir()
    _mount("-t", "sysfs", "sysfs", new)
    _mount("--rbind", "/sys/fs/cgroup", new / "fs" / "cgroup")
    _mount("--rbind", new, "/sys")
    for name, value in _TUNABLES.items():
        stands_in = STATE / "sysctl" / name
        stands_in.parent.mkdir(parents=True, exist_ok=True)
        stands_in.write_text(value)
        _mount("--bind", stands_in, Path("/proc/sys") / name)
    for cgroup in cgroups():
        cgroup.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (cgroup / name).exists():
                (cgroup / name).write_text((cgroup.parent / name).read_text())
    _mount("--rbind", RUN, "/run")
    _mount("--rbind", VAR, "/var")


def cgroups() -> list[Path]:
    """The node's control group: one per controller with version 1, a single one with version 2."""
    root = Path("/sys/fs/cgroup")
    roots = [root] if (root / "cgroup.controllers").exists() else [each for each in root.iterdir() if each.is_dir()]
    return [each / CGROUP for each in roots if not each.is_symlink()]


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main()
