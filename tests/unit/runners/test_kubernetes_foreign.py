"""Collectors of others: their flags, and a command that runs the same words under a shell."""

import subprocess
from dataclasses import replace

import pytest

from katib.runners.kubernetes.collector import SIDECAR, Collector
from katib.runners.kubernetes.objects import is_collected, object_of
from katib.runners.kubernetes.running import RunsAs
from katib.spec.katib_config import CollectorEntry
from katib.testing.runners import job

ENTRY = CollectorEntry(image="theirs:1", resources={"limits": {"memory": "1Gi"}}, wait_all=False)
PROGRAM = ["python3", "-c", "import sys; print('a  b', sys.argv[1:]); sys.exit(3)", 'it\'s "so" $HOME', ""]


def pod_of(kind, source=None, entry=ENTRY, **container):
    order = job(*PROGRAM, container=container)
    collector = {"collector": {"kind": kind}, **({"source": source} if source else {})}
    order = replace(order, metrics=("loss", "accuracy"), collector=collector)
    beside = Collector(image="", address="db.kubeflow:6789", foreign={kind: entry})
    runs_as = RunsAs(direction="maximize")
    found = object_of(order, study="study", study_uid="u", runs_as=runs_as, collector=beside)
    assert is_collected(found, order)
    return found["spec"]["template"]["spec"]


COMMON = ["-t", "trial", "-m", "loss;accuracy", "-o-type", "maximize", "-s-db", "db.kubeflow:6789"]


@pytest.mark.parametrize(
    ("kind", "source", "flags", "folder"),
    [
        ("StdOut", None, ["-path", "/var/log/katib/metrics.log", "-format", "TEXT"], "/var/log/katib"),
        (
            "File",
            {"fileSystemPath": {"path": "/out/m.json", "format": "JSON"}},
            ["-path", "/out/m.json", "-format", "JSON"],
            "/out",
        ),
        (
            "File",
            {
                "fileSystemPath": {"path": "/out/m.log", "format": "TEXT"},
                "filter": {"metricsFormat": ["(a)(b)", "(c)$(d)"]},
            },
            ["-path", "/out/m.log", "-f", "(a)(b);(c)$$(d)", "-format", "TEXT"],
            "/out",
        ),
        ("TensorFlowEvent", {"fileSystemPath": {"path": "/events/"}}, ["-path", "/events/"], "/events"),
    ],
)
def test_they_get_katibs_flags_and_see_what_they_read(kind, source, flags, folder):
    pod = pod_of(kind, source)
    main, theirs = pod["containers"]
    assert (theirs["name"], theirs["image"], theirs["resources"]) == (SIDECAR, "theirs:1", ENTRY.resources)
    assert theirs["args"] == [*COMMON, *flags, "-w", "false"]
    assert "command" not in theirs
    for container in (main, theirs):
        assert [each["mountPath"] for each in container["volumeMounts"]] == [folder]
    assert pod["shareProcessNamespace"] is True
    assert main["command"] == ["sh", "-c"]
    assert main["args"][0].endswith(f" && echo completed > {folder}/$$$$.pid")


def test_one_that_asks_the_trial_itself_changes_nothing_in_its_container():
    source = {"httpGet": {"path": "/metrics", "port": 8080}}
    main, theirs = pod_of("PrometheusMetric", source)["containers"]
    assert main["command"] == PROGRAM
    assert theirs["args"] == [*COMMON, "-w", "false"]


@pytest.mark.parametrize("code", [0, 3])
def test_the_words_reach_the_program_as_they_are_written(tmp_path, code, monkeypatch):
    monkeypatch.setattr("katib.runners.kubernetes.foreign.METRICS_FILE", str(tmp_path / "metrics.log"))
    words = [*PROGRAM[:2], PROGRAM[2].replace("3", str(code)), *PROGRAM[3:]]
    main, _theirs = pod_of("StdOut", command=words)["containers"]
    # As the kubelet has it.
    ended = subprocess.run([*main["command"], main["args"][0].replace("$$", "$")], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert (tmp_path / "metrics.log").read_text() == f"a  b {PROGRAM[3:]}\n"
    assert [each.read_text() for each in tmp_path.glob("*.pid")] == (["completed\n"] if code == 0 else [])


def test_its_security_is_the_containers_where_the_configuration_says_so():
    entry = replace(ENTRY, copies_security_context=True)
    main, theirs = pod_of("StdOut", entry=entry, securityContext={"runAsUser": 7})["containers"]
    assert theirs["securityContext"] == main["securityContext"] == {"runAsUser": 7}
