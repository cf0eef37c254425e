"""The operator, over an API server in this process: what it makes of Experiments, and what it shows of them."""

import re
import shutil
import threading
from pathlib import Path

import pytest

from katib.config import ControllerSettings, Settings
from katib.core.observation import MetricPoint
from katib.core.trial import TrialState
from katib.errors import StoreUnavailable
from katib.operator import operator as operating
from katib.operator.admission import Admission
from katib.operator.operator import FINALIZER, Operator
from katib.runners.kubernetes import Cluster, podlog
from katib.runners.kubernetes.collector import Collector
from katib.runners.kubernetes.settings import KubernetesSettings
from katib.stores.contract import TrialPoints
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions
from katib.suggestion.early_stopping import open_early_stopping
from katib.testing.api_server import ApiServer, container_status

NAMESPACE = "tuning"


def experiment(name="study", **spec):
    """An Experiment of random points; a trial prints `loss`, which is its x."""
    container = {"name": "main", "image": "none", "command": ["train"], "args": ["--x=${trialParameters.x}"]}
    job = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}
    given = {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random", "algorithmSettings": [{"name": "random_state", "value": "1"}]},
        "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
        "parallelTrialCount": 2,
        "maxTrialCount": 4,
        "trialTemplate": {
            "primaryContainerName": "main",
            "trialParameters": [{"name": "x", "reference": "x"}],
            "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", **job},
        },
        **spec,
    }
    metadata = {"name": name, "labels": {"team": "one"}}
    return {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": metadata, "spec": given}


def x_of(job):
    (argument,) = job["spec"]["template"]["spec"]["containers"][0]["args"]
    return argument.removeprefix("--x=")


def printed(job):
    return f"loss={x_of(job)}\n", 0


class Here:
    """A cluster, and operators on one store, one at a time."""

    def __init__(self, folder, suggestions):
        self.folder, self.suggestions = folder, suggestions
        self.api = ApiServer(run=printed).start()
        self.operator = self.store = self.collector = None

    def start(self):
        self.store = open_store(str(self.folder / "katib.db"))
        settings = Settings(controller=ControllerSettings(wish_poll=0.05))
        stopping = open_early_stopping(settings.early_stopping)
        cluster = Cluster(self.api.client(), NAMESPACE, settings=KubernetesSettings(poll=0.05, retry=0.1))
        root = Path(self.folder / "runs")
        places = {"run_root": root, "settings": settings, "collector": self.collector}
        self.operator = Operator(self.store, self.suggestions, stopping, cluster, **places)
        self.operator.start()

    def stop(self):
        if self.operator is not None:
            self.operator.stop()
            self.store.close()
            self.operator = None

    def apply(self, document):
        self.api.create("experiments", NAMESPACE, document)

    def get(self, plural, name):
        return self.api.objects.get((plural, NAMESPACE, name))

    def status(self, name="study"):
        return (self.get("experiments", name) or {}).get("status") or {}

    def ended(self, name="study"):
        last = [each["type"] for each in self.status(name).get("conditions") or ()][-1:]
        return self.status(name) if last in (["Succeeded"], ["Failed"]) else None

    def until(self, holds):
        return self.api.until(holds)


@pytest.fixture(scope="module")
def suggestions():
    found = open_suggestions(Settings().suggestion)
    yield found
    found.close()


@pytest.fixture
def here(tmp_path, suggestions, monkeypatch):
    for name, value in (("SETTLE", 0.01), ("PAUSE", 0.05), ("POLL", 0.02)):
        monkeypatch.setattr(operating, name, value)
    monkeypatch.setattr(podlog, "PAUSE", 0.01)
    here = Here(tmp_path, suggestions)
    here.start()
    yield here
    here.stop()
    here.api.stop()


def kinds(conditions):
    return [(each["type"], each["status"]) for each in conditions]


def test_an_experiment_is_carried_to_its_best_trial(here):
    here.apply(experiment())
    status = here.until(here.ended)
    assert kinds(status["conditions"]) == [("Created", "True"), ("Running", "False"), ("Succeeded", "True")]
    assert status["conditions"][-1]["reason"] == "ExperimentMaxTrialsReached"
    assert status["conditions"][-1]["message"] == "Experiment has succeeded because max trial count has reached"
    assert (status["trials"], status["trialsSucceeded"]) == (4, 4)
    assert status["completionTime"]
    trials = {trial["metadata"]["name"]: trial for trial in here.api.all("trials")}
    assert sorted(status["succeededTrialList"]) == sorted(trials)
    best = status["currentOptimalTrial"]
    values = {name: trial["status"]["observation"]["metrics"][0]["min"] for name, trial in trials.items()}
    assert best["bestTrialName"] == min(values, key=lambda name: float(values[name]))
    assert best["parameterAssignments"] == [{"name": "x", "value": values[best["bestTrialName"]]}]


def test_a_trial_shows_what_runs_it_and_what_it_measured(here):
    here.apply(experiment())
    here.until(here.ended)
    owner = here.get("experiments", "study")["metadata"]["uid"]
    for trial in here.api.all("trials"):
        name = trial["metadata"]["name"]
        assert re.fullmatch("study-[a-z0-9]{8}", name)
        assert trial["metadata"]["labels"] == {"team": "one", "katib.kubeflow.org/experiment": "study"}
        (reference,) = trial["metadata"]["ownerReferences"]
        assert (reference["kind"], reference["uid"], reference["controller"]) == ("Experiment", owner, True)
        assert trial["spec"]["runSpec"]["metadata"]["name"] == name
        (value,) = trial["spec"]["parameterAssignments"]
        assert x_of(trial["spec"]["runSpec"]) == value["value"]
        (metric,) = trial["status"]["observation"]["metrics"]
        assert metric == {"name": "loss", "min": value["value"], "max": value["value"], "latest": value["value"]}
        conditions = trial["status"]["conditions"]
        assert kinds(conditions) == [("Created", "True"), ("Running", "False"), ("Succeeded", "True")]
    suggestion = here.get("suggestions", "study")
    assert suggestion["spec"]["requests"] == suggestion["status"]["suggestionCount"] == 4
    assert kinds(suggestion["status"]["conditions"])[-1] == ("Succeeded", "True")


def test_all_that_is_wrong_is_said(here):
    bad = experiment(algorithm={"algorithmName": "nothing"})
    bad["spec"]["parameters"][0]["feasibleSpace"] = {"min": "1", "max": "0"}
    here.apply(bad)
    failed = here.until(here.ended)["conditions"][-1]
    assert failed["reason"] == "ExperimentFailed"
    assert "spec.algorithm.algorithmName" in failed["message"]
    assert "spec.parameters[0].feasibleSpace" in failed["message"]
    assert here.store.list_studies() == []


def test_what_can_only_be_read_in_the_pod_needs_a_command(here):
    here.stop()
    here.collector = Collector(image="collector", address="nowhere:1")
    here.start()
    document = experiment(metricsCollectorSpec={"collector": {"kind": "File"}})
    (container,) = document["spec"]["trialTemplate"]["trialSpec"]["spec"]["template"]["spec"]["containers"]
    del container["command"]
    here.apply(document)
    said = here.until(here.ended)["conditions"][-1]["message"]
    assert "primaryContainerName: a container with a `command`, which the collector of File goes before" in said
    assert "StdOut" in said


def test_an_operator_that_is_restarted_runs_nothing_twice(here):
    """Jobs run on while it is away, and end; the next one finds them."""
    here.api.run = None
    here.apply(experiment())
    for _ in range(2):
        jobs = here.until(lambda: [job for job in here.api.all("jobs") if "status" not in job][1:])
        here.stop()
        for job in here.api.all("jobs"):
            if "status" not in job:
                here.api.finish(NAMESPACE, job["metadata"]["name"], *printed(job))
        here.start()
        assert jobs
    status = here.until(here.ended)
    assert (status["trials"], status["trialsSucceeded"]) == (4, 4)
    created = [name for method, plural, name in here.api.writes if (method, plural) == ("POST", "jobs")]
    assert len(created) == len(set(created)) == 4


def test_a_larger_budget_lets_it_go_on(here):
    here.apply(experiment(resumePolicy="LongRunning"))
    here.until(here.ended)
    here.api.patch(("experiments", NAMESPACE, "study"), {"spec": {"maxTrialCount": 6}})
    here.until(lambda: here.status().get("trialsSucceeded") == 6 and here.ended())
    conditions = kinds(here.status()["conditions"])
    assert conditions == [("Created", "True"), ("Restarting", "True"), ("Running", "False"), ("Succeeded", "True")]


def test_an_edit_that_is_not_followed_is_refused_in_an_event(here):
    here.apply(experiment())
    before = here.until(here.ended)
    here.api.patch(("experiments", NAMESPACE, "study"), {"spec": {"maxTrialCount": 6}})
    (event,) = here.until(lambda: here.api.all("events"))
    assert (event["reason"], event["involvedObject"]["name"]) == ("EditRefused", "study")
    assert "spec.resumePolicy: LongRunning or FromVolume" in event["message"]
    assert here.status() == before


def test_a_deleted_experiment_leaves_nothing(here):
    here.api.run = None
    here.apply(experiment())
    here.until(lambda: here.api.all("jobs")[1:])
    assert FINALIZER in here.get("experiments", "study")["metadata"]["finalizers"]
    here.api.delete(("experiments", NAMESPACE, "study"))
    here.until(lambda: not any(here.api.all(plural) for plural in ("experiments", "trials", "suggestions", "jobs")))
    assert here.store.list_studies() == []
    here.apply(experiment())
    here.until(lambda: here.api.all("jobs")[1:])


def test_one_that_went_while_nobody_watched_is_forgotten(here):
    here.apply(experiment())
    here.until(here.ended)
    here.stop()
    here.api.patch(("experiments", NAMESPACE, "study"), {"metadata": {"finalizers": None}})
    here.api.delete(("experiments", NAMESPACE, "study"))
    here.start()
    here.apply(experiment("other"))
    here.until(lambda: here.ended("other"))
    assert [study.name for study in here.store.list_studies()] == [f"{NAMESPACE}/other"]


@pytest.mark.parametrize("finished", [True, False], ids=["finished", "running"])
def test_another_trial_takes_the_place_of_a_deleted_one(here, finished):
    here.api.run = None
    here.apply(experiment(maxTrialCount=2))
    first, second = here.until(lambda: here.api.all("jobs")[1:] and here.api.all("jobs"))
    if finished:
        here.api.finish(NAMESPACE, first["metadata"]["name"], *printed(first))
        here.until(lambda: here.status().get("trialsSucceeded"))
    here.api.run = printed
    gone = first["metadata"]["name"]
    here.api.delete(("trials", NAMESPACE, gone))
    here.until(lambda: len(here.api.all("trials")) == 2)
    here.api.finish(NAMESPACE, second["metadata"]["name"], *printed(second))
    status = here.until(here.ended)
    assert (status["trials"], status["trialsSucceeded"]) == (2, 2)
    assert sorted(status["succeededTrialList"]) == sorted(trial["metadata"]["name"] for trial in here.api.all("trials"))
    assert gone not in status["succeededTrialList"]


def test_experiments_of_the_same_name_in_two_namespaces_are_two(here):
    here.apply(experiment())
    here.api.create("experiments", "other", experiment())
    here.until(here.ended)
    here.until(lambda: (here.api.objects["experiments", "other", "study"].get("status") or {}).get("completionTime"))
    names = [trial["metadata"]["name"] for trial in here.api.all("trials")]
    assert len(set(names)) == 8
    for study in here.store.list_studies():
        assert study.summary.count(TrialState.SUCCEEDED) == 4


def test_studies_of_a_namespace_share_their_watches(here):
    here.api.run = None
    here.apply(experiment("waits", maxTrialCount=1, parallelTrialCount=1))
    (job,) = here.until(lambda: here.api.all("jobs"))
    here.api.run = printed
    for name in ("one", "two"):
        here.apply(experiment(name))
    for name in ("one", "two"):
        assert here.until(lambda name=name: here.ended(name))["trialsSucceeded"] == 4
    here.api.finish(NAMESPACE, job["metadata"]["name"], *printed(job))
    here.until(lambda: here.ended("waits"))
    assert sorted(here.api.watches) == ["events", "experiments", "jobs", "pods", "trials"]


def test_early_stopping_hears_what_another_replica_was_told(here):
    here.api.run = None
    settings = [{"name": "value", "value": "5"}, {"name": "start_step", "value": "1"}]
    threshold = {"algorithmName": "threshold", "algorithmSettings": settings}
    here.apply(experiment(maxTrialCount=1, parallelTrialCount=1, earlyStopping=threshold))
    (job,) = here.until(lambda: here.api.all("jobs"))
    runs = container_status("main", {"running": {"startedAt": "2026-01-01T00:00:00Z"}})
    pod = ("pods", NAMESPACE, f"{job['metadata']['name']}-pod")
    here.api.patch(pod, {"status": {"phase": "Running", "containerStatuses": [runs]}}, part="status")
    here.until(lambda: here.status().get("trialsRunning"))
    other = open_store(str(here.folder / "katib.db"))
    study = other.get_study(f"{NAMESPACE}/study")
    for step, value in ((1, 1.0), (2, 9.0)):
        point = MetricPoint(metric="loss", value=value, text=str(value), seq=step, step=step)
        told = TrialPoints(trial=job["metadata"]["name"], attempt=1, points=(point,))
        other.append_observations(study.uid, [told], now=study.created_at + step)
    other.close()
    here.until(lambda: not here.api.all("jobs"))
    assert here.until(here.ended)["trialsEarlyStopped"] == 1


def test_what_a_trial_waits_for_is_on_its_object(here):
    here.api.run = None
    here.apply(experiment(maxTrialCount=1, parallelTrialCount=1))
    (pod,) = here.until(lambda: here.api.all("pods"))
    reason = {"reason": "ImagePullBackOff", "message": "no such image"}
    waiting = container_status("main", {"waiting": reason})
    key = ("pods", NAMESPACE, pod["metadata"]["name"])
    here.api.patch(key, {"status": {"containerStatuses": [waiting]}}, part="status")

    def said():
        (trial,) = here.api.all("trials")
        last = ((trial.get("status") or {}).get("conditions") or [{}])[-1]
        return last.get("type") == "Running" and last

    assert here.until(said)["message"] == "ImagePullBackOff: no such image"
    assert said()["status"] == "False"
    (job,) = here.api.all("jobs")
    here.api.finish(NAMESPACE, job["metadata"]["name"], *printed(job))
    assert here.until(here.ended)["trialsSucceeded"] == 1


def test_a_trial_costs_few_writes(here):
    before = threading.active_count()
    here.apply(experiment(maxTrialCount=20))
    here.until(here.ended)
    here.stop()
    about = [plural for _method, plural, _name in here.api.writes]
    assert about.count("jobs") == 40
    assert about.count("trials") <= 60
    assert threading.active_count() < before + 10, "no thread stays of a trial"


def lose_the_store(here):
    here.stop()
    for path in here.folder.glob("katib.db*"):
        path.unlink()
    shutil.rmtree(here.folder / "runs", ignore_errors=True)


def record(here):
    """What is on record of each trial, times apart."""
    (study,) = here.store.list_studies()
    return [
        (each.ordinal, each.name, each.assignment, each.state, each.reason, each.message, each.value)
        for each in here.store.trials(study.uid)
    ]


@pytest.mark.parametrize("interrupted", [False, True], ids=["at once", "at the second try"])
def test_a_lost_store_is_read_back_from_the_objects(here, interrupted, monkeypatch):
    here.api.run = lambda job: (f"loss=7\nloss={x_of(job)}\nloss=5\n", 1 if float(x_of(job)) > 0.7 else 0)
    here.apply(experiment(maxTrialCount=5))
    status, before = here.until(here.ended), record(here)
    lose_the_store(here)
    jobs = [write for write in here.api.writes if write[1] == "jobs"]
    if interrupted:
        put_back = Admission._put_back

        def fails(*_given):
            monkeypatch.setattr(Admission, "_put_back", put_back)
            raise StoreUnavailable("not now")

        monkeypatch.setattr(Admission, "_put_back", fails)
    here.start()
    rebuilt = here.until(lambda: (here.status()["conditions"][0]["type"] == "Rebuilt") and here.status())
    assert "are lost" in rebuilt["conditions"][0]["message"]
    assert {**rebuilt, "conditions": rebuilt["conditions"][1:]} == status
    assert record(here) == before
    assert [write for write in here.api.writes if write[1] == "jobs"] == jobs


def test_trials_that_ran_when_the_store_was_lost_go_on(here):
    here.api.run = None
    here.apply(experiment())
    first, second = here.until(lambda: here.api.all("jobs")[1:] and here.api.all("jobs"))
    here.api.finish(NAMESPACE, first["metadata"]["name"], *printed(first))
    here.until(lambda: here.status().get("trialsSucceeded") and len(here.api.all("trials")) == 3)
    lose_the_store(here)
    here.api.run = printed
    here.start()
    for job in here.api.all("jobs"):
        here.api.finish(NAMESPACE, job["metadata"]["name"], *printed(job))
    status = here.until(here.ended)
    assert (status["trials"], status["trialsSucceeded"]) == (4, 4)
    created = [name for method, plural, name in here.api.writes if (method, plural) == ("POST", "jobs")]
    assert len(created) == len(set(created)) == 4
    assert second["metadata"]["name"] in status["succeededTrialList"]


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "running"])
def test_what_the_objects_do_not_hold_is_not_made_up(here, ended):
    here.api.run = printed if ended else None
    here.apply(experiment())
    here.until(here.ended if ended else lambda: here.status().get("trials") == 2)
    lose_the_store(here)
    (gone, *_) = here.api.all("trials")
    here.api.delete(("trials", NAMESPACE, gone["metadata"]["name"]))
    before = here.status()
    here.start()
    if ended:
        (event,) = here.until(lambda: here.api.all("events"))
        assert (event["reason"], here.status()) == ("StoreLost", before)
        said = event["message"]
    else:
        said = here.until(here.ended)["conditions"][-1]["message"]
    assert "the store has lost this Experiment" in said
    assert here.store.list_studies() == []
