"""Container images for a machine that reaches no image registry: made here, kept in the cache, loaded into the node.

`localhost/pause` holds a pod's namespaces open; `localhost/python` is a Debian with Python, to run trials on;
`localhost/python-venv` is one to build our own images on.
"""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .places import CACHE, CONTAINERD, HERE
from .programs import PAUSE_IMAGE

PYTHON_IMAGE = "localhost/python:3"
BASE_IMAGE = "localhost/python-venv:3"
_INCLUDED = "python3"
_VENV = "python3,python3-venv,gcc,libc6-dev"
_LEFT_OUT = (
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "dev",
)


def build() -> list[Path]:
    """The archives of both images, made where the cache lacks them."""
    return [
        _cached("pause", (HERE / "pause.c").read_text(), _pause),
        _cached("python", _release() + _INCLUDED, lambda folder: _debian(folder, _INCLUDED, PYTHON_IMAGE)),
    ]


def base() -> Path:
    """The archive of an image to build others on, for a machine that reaches no registry."""
    return _cached("base", _release() + _VENV, lambda folder: _debian(folder, _VENV, BASE_IMAGE))


def load(archive: Path) -> None:
    """Give an image archive (OCI, or of `docker save`) to the node."""
    command = ["ctr", "--address", CONTAINERD, "--namespace", "k8s.io", "images", "import", archive]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the node did not take the image {archive}: {done.stdout}{done.stderr}")


def _cached(name: str, made_of: str, make: Callable[[Path], Path]) -> Path:
    """The archive in the cache; its name has a hash of what it is made of."""
    path = CACHE / "images" / f"{name}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.tar"
    if not path.exists():
        print(f"making the image {name}", flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = make(Path(folder))
            made.rename(path)
    return path


def _pause(folder: Path) -> Path:
    root = folder / "root"
    root.mkdir()
    command = ["cc", "-static", "-Os", "-s", "-o", root / "pause", HERE / "pause.c"]
    subprocess.run(command, check=True)
    return archive(root, folder / "image.tar", PAUSE_IMAGE, {"Entrypoint": ["/pause"]})


def _debian(folder: Path, included: str, name: str) -> Path:
    mirror, release = _mirror(), _release()
    root = folder / "root"
    command = ["debootstrap", "--variant=minbase", f"--include={included}", release, root, mirror]
    # In a mount namespace: what it mounts while it works is gone with it.
    done = subprocess.run(["unshare", "--mount", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"debootstrap failed: {done.stdout[-1000:]}{done.stderr}")
    return archive(root, folder / "image.tar", name, {"Cmd": ["python3"], "Env": ["PATH=/usr/bin:/bin"]})


def _mirror() -> str:
    """The mirror that this machine's apt is set to."""
    form = "$(REPO_URI) $(CODENAME) $(COMPONENT) $(CREATED_BY)"
    listed = subprocess.run(["apt-get", "indextargets", "--format", form], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        match line.split():
            case [mirror, codename, "main", "Packages"] if codename == _release():
                return mirror
    raise SystemExit(f"apt has no mirror for {_release()}: run apt-get update")


def _release() -> str:
    lines = Path("/etc/os-release").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"]


def archive(root: Path, path: Path, name: str, config: dict[str, Any]) -> Path:
    """Write an image of one layer, what is in `root`, as an OCI archive to `path`.

    Args:
        root: the image's file system.
        path: where the archive goes.
        name: the image's name, as pods use it.
        config: what it runs, in OCI's words: Entrypoint, Cmd, Env, User.
    """
    blobs: dict[str, bytes | Path] = {}
    layer = path.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        tar.add(root, ".", filter=_kept)
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    blobs[digest] = layer
    described = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": f"sha256:{digest}",
        "size": layer.stat().st_size,
    }
    facts = {"architecture": _architecture(), "os": "linux", "config": config}
    stored = _blob(blobs, {**facts, "rootfs": {"type": "layers", "diff_ids": [described["digest"]]}}, "config")
    manifest = _blob(blobs, {"schemaVersion": 2, "config": stored, "layers": [described]}, "manifest")
    manifest["annotations"] = {"io.containerd.image.name": name}
    with tarfile.open(path, "w") as tar:
        _add(tar, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        _add(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
        for digest, content in blobs.items():
            if isinstance(content, Path):
                tar.add(content, f"blobs/sha256/{digest}")
            else:
                _add(tar, f"blobs/sha256/{digest}", content)
    return path


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    inside = member.name.removeprefix("./")
    if inside.startswith(tuple(f"{folder}/" for folder in _LEFT_OUT)):
        return None
    member.mtime = 0
    return member


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]


def _blob(blobs: dict[str, bytes | Path], value: Any, kind: str) -> dict[str, Any]:
    content = json.dumps(value).encode()
    digest = hashlib.sha256(content).hexdigest()
    blobs[digest] = content
    return {
        "mediaType": f"application/vnd.oci.image.{kind}.v1+json",
        "digest": f"sha256:{digest}",
        "size": len(content),
    }


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
