"""Katib's configuration: what of it is used, and what is said of the rest."""

import pytest

from katib.errors import InvalidInput
from katib.spec.katib_config import read_katib_config, unused

CONFIG = """
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
init:
  controller:
    trialResources: [Job.v1.batch]
    injectSecurityContext: true
runtime:
  metricsCollectors:
    - kind: StdOut
      image: ghcr.io/kubeflow/katib/file-metrics-collector:latest
    - kind: TensorFlowEvent
      image: tf:1
      imagePullPolicy: Always
      waitAllProcesses: false
      resources:
        limits: {memory: 1Gi, ephemeral-storage: "-1"}
  suggestions:
    - algorithmName: random
      image: ghcr.io/kubeflow/katib/suggestion-hyperopt:latest
      resources: {limits: {memory: 1Gi}}
    - algorithmName: enas
      image: ghcr.io/kubeflow/katib/suggestion-enas:latest
    - algorithmName: ours
      endpoint: ours.tuning:6789
  earlyStoppings:
    - algorithmName: medianstop
      image: ghcr.io/kubeflow/katib/earlystopping-medianstop:latest
    - algorithmName: theirs
      endpoint: theirs:6788
"""


def read(folder, text):
    path = folder / "katib-config.yaml"
    path.write_text(text)
    return read_katib_config(path)


def test_what_is_used(tmp_path):
    found = read(tmp_path, CONFIG)
    assert (found.endpoints, found.stopping_endpoints) == ({"ours": "ours.tuning:6789"}, {"theirs": "theirs:6788"})
    assert set(found.collectors) == {"StdOut", "TensorFlowEvent"}
    plain, events = found.collectors["StdOut"], found.collectors["TensorFlowEvent"]
    assert plain.resources["requests"] == {"cpu": "50m", "memory": "10Mi", "ephemeral-storage": "500Mi"}
    assert plain.resources["limits"] == {"cpu": "500m", "memory": "100Mi", "ephemeral-storage": "5Gi"}
    assert events.resources["limits"] == {"cpu": "500m", "memory": "1Gi"}
    assert (plain.wait_all, events.wait_all, events.pull_policy) == (None, False, "Always")
    assert plain.copies_security_context


def test_the_config_map_itself_will_do(tmp_path):
    within = "".join(f"    {line}\n" for line in CONFIG.splitlines())
    text = f"apiVersion: v1\nkind: ConfigMap\ndata:\n  katib-config.yaml: |\n{within}"
    assert read(tmp_path, text) == read(tmp_path, CONFIG)


def test_algorithms_that_are_only_images_are_named(tmp_path):
    (said,) = unused(read(tmp_path, CONFIG), ["random", "tpe", "medianstop"])
    assert "no Experiment can use enas:" in said
    assert unused(read(tmp_path, CONFIG), ["random", "enas", "medianstop"]) == []


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("", {"katib-config.yaml"}),
        ("kind: Other", {"apiVersion", "kind"}),
        (CONFIG.replace("runtime:", "runtimes:"), {"runtimes"}),
        (CONFIG.replace("suggestions:", "suggestion:"), {"runtime.suggestion"}),
        (CONFIG.replace("kind: StdOut", "kind: Stdout"), {"runtime.metricsCollectors[0].kind"}),
        (CONFIG.replace("image: tf:1", "images: tf:1"), {f"runtime.metricsCollectors[1].image{s}" for s in ("", "s")}),
        (
            CONFIG.replace("waitAllProcesses: false", "waitAllProcesses: 1"),
            {"runtime.metricsCollectors[1].waitAllProcesses"},
        ),
        (CONFIG.replace("endpoint: theirs:6788", "port: 1"), {"runtime.earlyStoppings[1].image"}),
        ("apiVersion: v1\nkind: ConfigMap\ndata: {}", {"katib-config.yaml"}),
    ],
)
def test_all_its_faults_are_told(tmp_path, text, paths):
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, text)
    assert {fault.path for fault in caught.value.faults} == paths


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="--katib-config"):
        read_katib_config(tmp_path / "nothing")
