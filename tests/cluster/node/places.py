"""Where things are: versions, folders, addresses. Folder names do not depend on the checkout: a machine has one node."""

import os
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE.parent / "programs"
KUBERNETES = re.findall(r"\bk8s\.io/kubernetes (v\S+)", (PROGRAMS / "go.mod").read_text(), re.MULTILINE)[0]


def _xdg(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default) / "katib-cluster"


CACHE = _xdg("XDG_CACHE_HOME", ".cache")
"""What takes long to make, and is kept: programs by version, images by what they are made of."""

BIN = CACHE / f"kubernetes-{KUBERNETES}"

STATE = _xdg("XDG_STATE_HOME", ".local/state")
"""All that a running node writes. The node sees `var` and `run` of it as its /var and /run."""

ETC, VAR, RUN = STATE / "etc", STATE / "var", STATE / "run"
LOGS = VAR / "log" / "node"
AUDIT = LOGS / "audit.log"
"""A line of JSON for each request of our service accounts."""
PID = STATE / "pid"
KUBECONFIG = STATE / "kubeconfig"
CONTAINERD = RUN / "containerd" / "containerd.sock"

NODE = "node"
CGROUP = "katib-cluster"

BRIDGE, LINK = "cni0", "katib0"
"""The bridge that pods are on, inside, and this machine's own link to it."""
BRIDGE_ADDRESS = "02:00:0a:58:00:01"
"""Locally administered."""

SUBNET = "10.88.0"
INSIDE = f"{SUBNET}.1"
"""The node: API server, DNS."""
OUTSIDE = f"{SUBNET}.254"
"""This machine, as pods and the API server see it."""
SERVICES = "10.96.0.0/16"
SERVER = f"https://{INSIDE}:6443"
