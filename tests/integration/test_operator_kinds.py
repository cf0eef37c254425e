"""The operator with trials of other kinds than Job, of a CRD whose controller these tests play; and with a collector of
the user's own.
"""

import re
import time

import pytest

from katib.config import ServeSettings
from katib.operator import operator as operating
from katib.rpc import api
from katib.rpc.channels import open_channel
from katib.rpc.methods import REPORT_OBSERVATION_LOG, stub
from katib.runners.kubernetes import podlog
from katib.runners.kubernetes.collector import Collector
from katib.server.reports import ReportServer
from katib.spec.katib_config import CollectorEntry
from katib.testing.api_server import container_status
from tests.integration.test_operator import NAMESPACE, Here, experiment, suggestions

__all__ = ["suggestions"]

WIDGETS = {"example.org/v1": {"Widget": "widgets"}}


@pytest.fixture
def here(tmp_path, suggestions, monkeypatch):
    for name, value in (("SETTLE", 0.01), ("PAUSE", 0.05), ("POLL", 0.02)):
        monkeypatch.setattr(operating, name, value)
    monkeypatch.setattr(podlog, "PAUSE", 0.01)
    here = Here(tmp_path, suggestions)
    here.api.created = lambda plural, found: plural == "widgets" and run(here.api, found)
    here.start()
    yield here
    here.stop()
    here.api.stop()


def of_widgets(**spec):
    """An Experiment of Widgets, each with a pod that prints its x as `loss`."""
    document = experiment(**spec)
    template = document["spec"]["trialTemplate"]
    pod = template["trialSpec"]["spec"]["template"]
    template["trialSpec"] = {"apiVersion": "example.org/v1", "kind": "Widget", "spec": {"parts": [{"pod": pod}]}}
    template["successCondition"] = 'status.[@this].#(state=="done")'
    template["failureCondition"] = 'status.[@this].#(state=="broken")'
    return document


def run(server, widget):
    """The Widget's controller: a pod that ends at once, and a state."""
    name = widget["metadata"]["name"]
    (part,) = widget["spec"]["parts"]
    container = part["pod"]["spec"]["containers"][0]
    x = container["args"][0].removeprefix("--x=")
    broken = float(x) > 0.9
    times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}
    state = {"terminated": {"exitCode": 5 if broken else 0, **times}}
    server.logs[(NAMESPACE, f"{name}-pod")] = f"loss={x}\n"
    status = {"phase": "Failed" if broken else "Succeeded", "containerStatuses": [container_status("main", state)]}
    metadata = {"name": f"{name}-pod", "labels": part["pod"]["metadata"]["labels"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": part["pod"]["spec"], "status": status}
    server.create("pods", NAMESPACE, pod)
    said = {"state": "broken" if broken else "done", "reason": "Said", "message": "by its controller"}
    server.patch(("widgets", NAMESPACE, name), {"status": said}, part="status")


def test_trials_of_any_kind_run_to_the_best_one(here):
    here.api.kinds = WIDGETS
    here.apply(of_widgets(maxTrialCount=5))
    status = here.until(here.ended)
    assert status["trialsSucceeded"] == 5
    for trial in here.api.all("trials"):
        (value,) = trial["spec"]["parameterAssignments"]
        (metric,) = trial["status"]["observation"]["metrics"]
        assert metric["min"] == value["value"]
        assert trial["spec"]["runSpec"]["kind"] == "Widget"
        assert trial["spec"]["successCondition"] == 'status.[@this].#(state=="done")'
    here.until(lambda: not here.api.all("widgets"))


def test_a_failure_is_told_in_the_words_of_its_controller(here):
    here.api.kinds = WIDGETS
    space = [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0.95", "max": "1"}}]
    here.apply(of_widgets(maxTrialCount=1, parallelTrialCount=1, parameters=space))
    assert here.until(here.ended)["trialsFailed"] == 1
    (trial,) = here.api.all("trials")
    assert (
        "exited with code 5; its Widget failed: Said: by its controller" in trial["status"]["conditions"][-1]["message"]
    )


def test_a_kind_that_is_not_installed_yet_is_waited_for_and_named(here):
    here.apply(of_widgets(maxTrialCount=1, parallelTrialCount=1))

    def said():
        conditions = [each["status"]["conditions"][-1] for each in here.api.all("trials") if each.get("status")]
        return [each for each in conditions if "no Widget of example.org/v1" in each["message"]]

    (waits,) = here.until(said)
    assert (waits["type"], waits["status"]) == ("Running", "False")
    here.api.kinds = WIDGETS
    assert here.until(here.ended)["trialsSucceeded"] == 1


@pytest.mark.parametrize("kind", ["Custom", "StdOut"])
def test_a_collector_of_others_reports_to_the_db_manager(here, kind):
    """The user's own, and one that Katib's configuration names, which gets Katib's flags."""

    here.stop()
    here.collector = Collector(image="", address="db:6789", foreign={"StdOut": CollectorEntry(image="theirs:1")})
    here.start()
    server = ReportServer(here.store, ServeSettings(port=0), now=time.time, heard=here.operator.heard)
    server.start()

    def collected(job):
        """In the place of both containers: nothing is printed, and the collector reports twice the trial's x."""
        main, beside = job["spec"]["template"]["spec"]["containers"]
        flags = dict(zip(beside["args"][::2], beside["args"][1::2], strict=True))
        name = job["metadata"]["labels"]["katib.kubeflow.org/trial"]
        x = re.search(r"--x=([^ ]+)", main["args"][0])[1]
        metric = api.MetricLog(
            time_stamp="2026-01-31T12:00:00Z", metric=api.Metric(name="loss", value=repr(2 * float(x)))
        )
        said = api.ObservationLog(metric_logs=[metric])
        assert flags["-s-db"] == "db:6789"
        with open_channel(server.address) as channel:
            report = stub(channel, REPORT_OBSERVATION_LOG)
            report(api.ReportObservationLogRequest(trial_name=flags.get("-t", name), observation_log=said))
        return "loss=7\n", 0

    here.api.run = collected
    document = experiment(metricsCollectorSpec={"collector": {"kind": kind}})
    if kind == "Custom":
        own = {"name": "mine", "image": "own:1", "args": ["-s-db", "db:6789"]}
        document["spec"]["metricsCollectorSpec"]["collector"]["customCollector"] = own
    here.apply(document)
    assert here.until(here.ended)["trialsSucceeded"] == 4
    for trial in here.api.all("trials"):
        (value,), (metric,) = trial["spec"]["parameterAssignments"], trial["status"]["observation"]["metrics"]
        assert float(metric["latest"]) == float(value["value"]) * 2
    server.stop()
