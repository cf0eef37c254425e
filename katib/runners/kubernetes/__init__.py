"""Runs trials as Jobs of a Kubernetes cluster, from anywhere that reaches its API server."""

from katib.runners.kubernetes.cluster import Cluster, connect
from katib.runners.kubernetes.runner import KubernetesRunner

__all__ = ["Cluster", "KubernetesRunner", "connect"]
