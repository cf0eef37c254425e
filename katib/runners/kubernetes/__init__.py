"""Runs trials as Jobs of a Kubernetes cluster, or objects of any kind, from anywhere that reaches its API server."""

from katib.runners.kubernetes.cluster import Cluster, connect
from katib.runners.kubernetes.runner import KubernetesRunner

__all__ = ["Cluster", "KubernetesRunner", "connect"]
