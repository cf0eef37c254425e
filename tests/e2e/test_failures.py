"""What must hold when things go wrong: the failure scenarios that users of other systems have met, on the real thing."""

import os
import stat
import subprocess
import sys

import pytest

from katib.testing.processes import has_ended


def test_t1_a_thousand_trials_that_are_gone_at_once_lose_no_value(cli):
    """A trial prints its metric and exits before any collector could start."""
    path = cli.write(maxTrialCount=1000)
    report = cli.run("run", str(path), "--output", "json").json
    assert report["counts"]["succeeded"] == 1000
    trials = cli.trials()
    assert len(trials) == 1000
    assert all(trial["value"] == trial["parameters"]["x"] for trial in trials)


def test_t2_nan_is_never_best_and_stops_nothing(cli):
    script = 'for v in 0.5 nan "" inf; do echo "loss=$v"; done'
    spoilt = cli.write(script=f"if [ -e good ]; then echo loss=$0; else touch good; {script}; fi", algorithm="tpe")
    report = cli.run("run", str(spoilt), "--output", "json", "--parallel", "1").json
    first, *others = cli.trials()
    assert (first["status"], first["reason"], first["value"]) == ("MetricsUnavailable", "Diverged", None)
    assert "inf" in first["message"]
    assert all(trial["status"] == "Succeeded" for trial in others)
    assert report["best"]["trial"] != first["name"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.2e+32", 1.2e32), ("-1.5E-1", -0.15), (".98", 0.98), ("1e308", 1e308), ("+7", 7.0)],
)
def test_t3_odd_numbers_are_read(cli, text, value):
    cli.run("run", str(cli.write(script=f"echo 'acc=0,5 loss={text}'", maxTrialCount=1)))
    assert cli.trials()[0]["value"] == value


@pytest.mark.parametrize("text", ["1_000", "0,5", "abc", "", "--"])
def test_t3_what_is_no_number_is_shown_and_the_study_goes_on(cli, text):
    path = cli.write(script=f"if [ -e good ]; then echo loss=$0; else touch good; echo 'loss={text}'; fi")
    cli.run("run", str(path), "--parallel", "1")
    first, *others = cli.trials()
    assert (first["status"], first["reason"]) == ("MetricsUnavailable", "MetricMalformed")
    assert text in first["message"]
    assert all(trial["status"] == "Succeeded" for trial in others)


def test_t4_a_metric_that_never_comes_is_said_with_pattern_and_last_lines(cli):
    cli.run("run", str(cli.write(script="echo accuracy=0.9; echo bye", maxTrialCount=1)), code=1)
    (trial,) = cli.trials()
    assert (trial["status"], trial["reason"]) == ("MetricsUnavailable", "MetricNotFound")
    for told in ("loss", "bye", "accuracy", r"[\w|-]+"):
        assert told in trial["message"]


def test_t4_block_buffered_output_is_read(cli):
    code = "import sys; print('loss=' + sys.argv[1])"
    cli.run("run", str(cli.write(command=[sys.executable, "-c", code, "${trialParameters.x}"])))
    assert all(trial["status"] == "Succeeded" for trial in cli.trials())


def test_t5_a_retried_trial_uses_the_successful_attempt(cli):
    script = 'echo "loss=$KATIB_ATTEMPT"; [ $KATIB_ATTEMPT = 3 ]'
    cli.run("run", str(cli.write(script=script, job={"backoffLimit": 2}, maxTrialCount=1)))
    (trial,) = cli.trials()
    assert (trial["status"], trial["attempts"], trial["value"]) == ("Succeeded", 3, 3.0)
    import json

    rows = json.loads(cli.run("export", "study", "--format", "json").out)["observations"]
    assert [(row["attempt"], row["value"]) for row in rows] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_t6_an_exhausted_backoff_limit_fails_the_trial(cli):
    cli.run("run", str(cli.write(script="exit 4", job={"backoffLimit": 1}, maxTrialCount=1)), code=1)
    (trial,) = cli.trials()
    assert (trial["status"], trial["reason"], trial["attempts"]) == ("Failed", "ExitCode", 2)


def test_t6_trials_that_all_fail_stop_the_study_at_its_limit(cli):
    path = cli.write(script="exit 1", maxTrialCount=100, maxFailedTrialCount=3, parallelTrialCount=1)
    report = cli.run("run", str(path), "--output", "json", code=1).json
    assert (report["status"], report["reason"]) == ("Failed", "ExperimentFailed")
    assert report["counts"]["failed"] == 3
    assert report["counts"]["created"] == 3


@pytest.mark.parametrize("algorithm", ["grid", "random", "sobol", "tpe"])
def test_t17_a_space_smaller_than_the_budget_ends_without_repeats(cli, algorithm):
    space = [
        {"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "3"}},
        {"name": "y", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
    ]
    path = cli.write(parameters=space, algorithm=algorithm, maxTrialCount=50, parallelTrialCount=4)
    report = cli.run("run", str(path), "--output", "json").json
    assert (report["status"], report["reason"]) == ("Succeeded", "ExperimentSuggestionEndReached")
    points = [tuple(trial["parameters"].values()) for trial in cli.trials()]
    assert len(points) == len(set(points)) == 6


def test_t18_a_malformed_study_is_refused_and_disturbs_no_other(cli):
    good = cli.write(name="good", maxTrialCount=2)
    bad = cli.folder / "bad.yaml"
    cli.run("run", str(good))
    bad.write_text("apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: bad}\nspec: {}\n")
    for _ in range(5):
        assert "spec.objective" in cli.run("run", str(bad), code=2).err
    assert [study["name"] for study in cli.json("list")] == ["good"]
    cli.run("resume", "good", "--max-trials", "4")


def test_a_line_of_ten_megabytes_and_binary_output_are_harmless(cli):
    code = (
        "import sys, os; out = sys.stdout.buffer; out.write(b'x' * 10_000_000 + b'\\n'); out.write(os.urandom(100_000));"
        "out.write(b'\\n\\xff\\xfe\\x00\\nloss=0.25\\n')"
    )
    cli.run("run", str(cli.write(command=[sys.executable, "-c", code, "${trialParameters.x}"], maxTrialCount=2)))
    assert [trial["value"] for trial in cli.trials()] == [0.25, 0.25]
    assert cli.run("explain", "study").out
    assert len(cli.run("logs", "study/1", "--tail", "2").out) > 0


def test_children_that_a_trial_leaves_behind_are_ended(cli):
    script = '(setsid sleep 4321 & echo $! > child1); sleep 4321 & echo $! > child2; echo "loss=$0"'
    cli.run("run", str(cli.write(script=script, maxTrialCount=1)))
    assert cli.trials()[0]["status"] == "Succeeded"
    for name in ("child1", "child2"):
        pid = int((cli.folder / name).read_text())
        cli.until(lambda pid=pid: has_ended(pid), f"{name} to end")


def test_a_time_limit_ends_a_trial(cli):
    cli.run("run", str(cli.write(script="sleep 1000", job={"activeDeadlineSeconds": 1}, maxTrialCount=1)), code=1)
    (trial,) = cli.trials()
    assert (trial["status"], trial["reason"]) == ("Failed", "DeadlineExceeded")


def test_a_program_that_does_not_exist_is_said(cli):
    """Before anything runs where its name stands in the file, else by the trial that cannot be started."""
    done = cli.run("run", str(cli.write(command=["no-such-program", "${trialParameters.x}"])), code=2)
    assert "no-such-program" in done.err
    names = [{"name": "x", "parameterType": "categorical", "feasibleSpace": {"list": ["no-such-program"]}}]
    cli.run("run", str(cli.write(command=["${trialParameters.x}"], parameters=names, maxTrialCount=1)), code=1)
    (trial,) = cli.trials()
    assert (trial["status"], trial["reason"]) == ("Failed", "CannotStart")
    assert "no-such-program" in trial["message"]


def test_env_and_working_directory_are_honoured(cli):
    (cli.folder / "sub").mkdir()
    container = {
        "workingDir": str(cli.folder / "sub"),
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}],
    }
    cli.run("run", str(cli.write(script='pwd; echo "B=$B loss=$0"', container=container, maxTrialCount=1)))
    assert cli.run("logs", "study/1").out.startswith(f"{cli.folder}/sub\nB=12 loss=")


def test_what_a_process_cannot_honour_is_said_in_one_line(cli):
    pod = {"volumes": [{"name": "v", "emptyDir": {}}]}
    done = cli.run("run", str(cli.write(maxTrialCount=1, pod=pod)))
    (line,) = [line for line in done.err.splitlines() if line.startswith("note:")]
    assert "image" in line
    assert "volumes" in line


def test_a_read_only_store_is_said(cli):
    cli.run("run", str(cli.write(maxTrialCount=1)))
    (cli.folder / "katib.db").chmod(stat.S_IRUSR)
    if os.access(cli.folder / "katib.db", os.W_OK):
        # The superuser may write anything but what a mount forbids.
        words = ["mount", "--bind", "-o", "ro", str(cli.folder), str(cli.folder)]
        unshared = ["unshare", "--mount", "--map-root-user", "/bin/sh", "-c"]
        script = (
            f"mount --bind '{cli.folder}' '{cli.folder}' && mount -o remount,ro,bind '{cli.folder}' && cd '{cli.folder}' && "
            f"exec '{sys.executable}' -m katib resume study --max-trials 2 --db '{cli.folder}/katib.db'"
        )
        assert words
        done = subprocess.run([*unshared, script], capture_output=True, text=True, env=cli.env)
    else:
        done = subprocess.run(
            cli.words("resume", "study", "--max-trials", "2"), cwd=cli.folder, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert "read-only" in done.stderr.lower() or "cannot be written" in done.stderr.lower()


def test_a_full_disk_loses_nothing_and_the_study_goes_on_when_there_is_room(cli):
    """The store's file system fills up while trials run; what they report is kept and stored when there is room, and
    that the study was to stop is not forgotten either.
    """
    script = f"""
set -e
mkdir '{cli.folder}/disk'
mount -t tmpfs -o size=3m tmpfs '{cli.folder}/disk'
cd '{cli.folder}/disk'
cat > go.sh <<'END'
exec {sys.executable} -m katib run --param x=float:0:1 --minimize loss --algorithm random --max-trials 60 --name study \\
  -- /bin/sh -c 'while [ ! -e ../full ]; do sleep 0.02; done; echo loss=$0' '{{x}}'
END
sh go.sh > ../out.txt 2> ../err.txt &
run=$!
while [ ! -s katib.db ]; do sleep 0.05; done
while ! {sys.executable} -m katib show study --output json > ../show.json 2>/dev/null; do sleep 0.05; done
dd if=/dev/zero of=filler bs=4k 2>/dev/null || true
touch ../full
while ! grep -q 'no space left' ../err.txt; do sleep 0.05; done
kill -TERM $run
while ! grep -q 'stopping:' ../err.txt; do sleep 0.05; done
rm filler
code=0
wait $run || code=$?
grep Traceback ../err.txt && exit 1
[ $code = 130 ]
{sys.executable} -m katib resume study > ../resumed.txt 2>&1
{sys.executable} -m katib trials study --output json
"""
    unshared = ["unshare", "--mount", "--map-root-user", "/bin/bash", "-c", script]
    done = subprocess.run(unshared, capture_output=True, text=True, env=cli.env, timeout=110)
    import json

    assert done.returncode == 0, done.stderr + done.stdout
    trials = json.loads(done.stdout)
    assert len(trials) == 60
    assert all(trial["value"] == trial["parameters"]["x"] for trial in trials if trial["status"] == "Succeeded")
    # Only a trial whose own output found no room may have failed, by its own exit code: one that exited with 0 and has
    # no value would be a value that the engine lost.
    others = [(trial["status"], trial["reason"]) for trial in trials if trial["status"] != "Succeeded"]
    assert set(others) <= {("Failed", "ExitCode")}, others
    assert sum(trial["status"] == "Succeeded" for trial in trials) >= 30


def _collector(kind, path, **where):
    return {
        "collector": {"kind": kind},
        "source": {"fileSystemPath": {"path": path, "kind": "File" if kind == "File" else "Directory", **where}},
    }


@pytest.mark.parametrize("told", ["--to=/var/log/katib/metrics.log", "--in=/var/log/katib"])
def test_trials_that_write_a_file_have_one_of_their_own(cli, told):
    """Four at a time, each with two attempts: no trial reads what another one, or an earlier attempt, wrote."""
    script = (
        'to=${1#--to=}; to=${to#--in=}; [ -d "$to" ] && to=$to/metrics.log; echo "loss=$0$KATIB_ATTEMPT" >> "$to"; '
    )
    script += "[ $KATIB_ATTEMPT = 2 ]"
    command = ["/bin/sh", "-c", script, "${trialParameters.x}", told]
    collector = _collector("File", "/var/log/katib/metrics.log", format="TEXT")
    path = cli.write(
        command=command, metricsCollectorSpec=collector, job={"backoffLimit": 1}, maxTrialCount=8, parallelTrialCount=4
    )
    cli.run("run", str(path))
    for trial in cli.trials():
        wanted = float(f"{trial['parameters']['x']!r}2")
        assert (trial["attempts"], trial["metrics"]["loss"]["min"], trial["value"]) == (2, wanted, wanted)


def test_a_metrics_file_that_no_trial_can_be_told_is_refused(cli):
    path = cli.write(metricsCollectorSpec=_collector("File", "/var/log/katib/metrics.log", format="TEXT"))
    refused = cli.run("run", str(path), code=2).err
    assert "fileSystemPath.path" in refused
    assert "--metrics=/var/log/katib/metrics.log" in refused


def test_event_files_are_read(cli):
    code = (
        "import sys, tensorboardX; w = tensorboardX.SummaryWriter(sys.argv[1]);"
        "[w.add_scalar('loss', float(sys.argv[2]) + i, 3 - i) for i in (2, 1, 0)]; w.close()"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, "/var/log/katib/tfevent", "${trialParameters.x}"]
    collector = _collector("TensorFlowEvent", "/var/log/katib/tfevent/")
    cli.run("run", str(cli.write(command=command, metricsCollectorSpec=collector, maxTrialCount=2)))
    for trial in cli.trials():
        assert trial["value"] == pytest.approx(trial["parameters"]["x"], rel=1e-6)


def test_a_prometheus_endpoint_is_read(cli):
    code = (
        "import http.server, sys, pathlib\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(f'loss {sys.argv[1]}\\n'.encode())\n"
        "        self.server.asked += 1\n"
        "    def log_message(self, *a): pass\n"
        "s = http.server.HTTPServer(('127.0.0.1', 0), H); s.asked = 0\n"
        "s.server_close(); s = http.server.HTTPServer(('127.0.0.1', int(sys.argv[2])), H); s.asked = 0\n"
        "while s.asked < 1: s.handle_request()\n"
    )
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    collector = {"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"path": "/metrics", "port": port}}}
    command = [sys.executable, "-c", code, "${trialParameters.x}", str(port)]
    path = cli.write(command=command, metricsCollectorSpec=collector, maxTrialCount=2, parallelTrialCount=1)
    cli.run("run", str(path))
    assert [trial["value"] for trial in cli.trials()] == [trial["parameters"]["x"] for trial in cli.trials()]
