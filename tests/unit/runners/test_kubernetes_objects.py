"""From the order of a run to its Job, and from a log with times to the copy without."""

from dataclasses import replace

import pytest

from katib.errors import InvalidInput
from katib.runners.kubernetes.objects import job_name, key_of, object_of
from katib.runners.kubernetes.podlog import _Lines
from katib.testing.runners import job


def made(**changes):
    order = job("python", "train.py", trial="study-abc", **changes)
    return object_of(order, study="study", study_uid="uid")


def test_the_words_of_the_container_are_not_touched():
    (container,) = made()["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["python", "train.py"]
    assert container["image"] == "busybox"


def test_an_attempt_is_one_job_with_one_pod():
    spec = made()["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_jobs_and_pods_are_labelled_as_katibs_are():
    found = made(attempt=2)
    for holder in (found, found["spec"]["template"]):
        labels = holder["metadata"]["labels"]
        assert labels["katib.kubeflow.org/experiment"] == "study"
        assert labels["katib.kubeflow.org/trial"] == "study-abc"
        assert key_of(labels) == ("study-abc", 2)


def test_the_first_attempt_has_the_trials_name():
    assert made()["metadata"]["name"] == job_name(("study-abc", 1)) == "study-abc"
    assert made(attempt=2)["metadata"]["name"] == "study-abc-2"


def test_what_the_template_sets_stays():
    own = {"name": "PYTHONUNBUFFERED", "value": "0"}
    (container,) = made(container={"env": [own]})["spec"]["template"]["spec"]["containers"]
    assert {"name": "KATIB_TRIAL_NAME", "value": "study-abc"} in container["env"]
    assert [each for each in container["env"] if each["name"] == "PYTHONUNBUFFERED"] == [own]


def test_the_order_is_not_changed():
    order = job("true")
    object_of(order, study="study", study_uid="uid")
    assert order == job("true")


def test_a_job_without_the_container_is_refused():
    with pytest.raises(InvalidInput, match="primaryContainerName"):
        object_of(replace(job("true"), container="other"), study="study", study_uid="uid")


LOG = (
    b"2026-11-25T10:00:00.1Z one\n"
    b"2026-11-25T10:00:00.123456789Z two words\n"
    b"2026-11-25T10:00:00.123456790Z \n"
    b"2026-11-25T10:00:01Z four"
)


def copied(pieces, last=""):
    lines = _Lines(last)
    return b"".join(lines.feed(piece) for piece in pieces) + lines.rest(), lines.last


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_times_are_taken_off(size):
    pieces = [LOG[at : at + size] for at in range(0, len(LOG), size)]
    assert copied(pieces) == (b"one\ntwo words\n\nfour", "2026-11-25T10:00:01Z")


def test_lines_that_are_known_are_left_out():
    """By the nanosecond, though the server leaves out the zeros at the end of a time."""
    assert copied([LOG], last="2026-11-25T10:00:00.1Z")[0] == b"two words\n\nfour"
    assert copied([LOG], last="2026-11-25T10:00:00.123456789Z")[0] == b"\nfour"
    assert copied([LOG], last="2026-11-25T11:00:00.123456789+01:00")[0] == b"\nfour"
    assert copied([LOG], last="2026-11-25T10:00:01Z") == (b"", "2026-11-25T10:00:01Z")
