"""Conditions of trial templates, judged as Katib's controller judges them."""

import pytest

from katib.spec.gjson import Condition, Said
from katib.spec.kinds import KINDS

COMPLETE = {"type": "Complete", "status": "True", "reason": "Done", "message": "all of it"}
STARTED = {"type": "Started", "status": "True"}
FAILED = {"type": "Failed", "status": "False", "reason": "No"}
JOB = {
    "metadata": {"annotations": {"a.b/c": {"d": 1}}},
    "status": {
        "phase": "Succeeded",
        "succeeded": 1,
        "ready": True,
        "conditions": [STARTED, COMPLETE, FAILED],
        "nodes": [{"name": "one", "pods": [{"ok": True, "reason": "p"}]}, {"name": "two", "pods": []}],
        "empty": {},
        "words": ["a", "b"],
    },
}


def met(text, document=JOB):
    return Condition(text).met_by(document)


@pytest.mark.parametrize(
    "text",
    [
        'status.conditions.#(type=="Complete")#|#(status=="True")#',
        'status.conditions.#(type=="Complete")',
        'status.conditions.#(type="Complete")',
        "status.conditions.#(type==Complete)#",
        'status.conditions.#(type%"Comp*")#',
        'status.conditions.#(type%"?omplete")#',
        'status.conditions.#( type == "Complete" )#',
        'status.conditions.#[type=="Complete"]#',
        "status.conditions.1",
        'status.conditions|#(reason=="Done")#|0',
        "status.conditions.#(message)#",
    ],
)
def test_what_is_met_says_why(text):
    assert met(text) == Said(reason="Done", message="all of it")


@pytest.mark.parametrize(
    "text",
    [
        "status.[@this].#(succeeded==1)",
        'status.[@this].#(phase=="Succeeded")#',
        "status.[@this].#(succeeded>0)",
        "status.[@this].#(succeeded>=1)#",
        "status.[@this].#(succeeded<2)#",
        "status.[@this].#(succeeded!=2)#",
        "status.[@this].#(ready==true)",
        "[@this].#(status.succeeded==1)",
        '[@this].#(status.conditions.#(type=="Complete"))',
        "@this|status",
        "status.empty",
        r"metadata.annotations.a\.b/c",
        'status.conditions.#(type!%"S*")#',
    ],
)
def test_an_object_or_an_array_of_some_is_met(text):
    assert met(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        'status.conditions.#(type=="Failed")#|#(status=="True")#',
        'status.conditions.#(type=="Nothing")#|#(status=="True")#',
        'status.conditions.#(type=="Nothing")',
        'status.conditions.#(type=="Complete")#.#(status=="True")#',
        'status.conditions.#(type=="Complete")#.reason',
        "status.succeeded",
        "status.ready",
        "status.phase",
        "status.conditions.#",
        "status.words",
        "status.conditions.7",
        "status.conditions.type",
        "status.phase.x",
        "status.phase.#(x==1)#",
        "status.empty.x",
        "no.such.path",
        "status.[@this].#(succeeded==2)",
        "status.[@this].#(ready==false)",
        'status.[@this].#(phase=="Succeeded ")',
        "status.[@this].#(succeeded==one)",
        "status.[@this].#(conditions==1)",
    ],
)
def test_nothing_and_what_is_no_object_is_not_met(text):
    assert met(text) is None


def test_a_point_goes_on_within_each_item_and_a_bar_with_all_of_them():
    assert met("status.nodes.#.pods|0|0") == Said(reason="p")
    assert met('status.nodes.#(name=="one")#.pods|0.0') == Said(reason="p")
    assert met("status.nodes.#.pods.0") == Said(reason="p")
    assert met('status.nodes.#(name=="two")#.pods.0') is None


def test_an_object_without_a_status_meets_nothing():
    assert met('status.conditions.#(type=="Complete")#|#(status=="True")#', {"metadata": {}}) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "name is missing"),
        ("status.", "name is missing"),
        ("status..x", "name is missing"),
        ("status.conditions.#(type", "closing bracket"),
        ('status.conditions.#(type=="x)#', "closing bracket"),
        ("status.conditions.#(type=='x')", "double quotes"),
        ("status.conditions.#(type==)", "double quotes"),
        ('status.conditions.#(type=="a"b)', "cannot be read"),
        ("status.con*", "in a name"),
        ("status.{a:b}", "in a name"),
        ("status.phase == Done", "in a name"),
        ("status.@reverse", "@this"),
        ('status.conditions.#(type=="x")#x', "after"),
        ('status.conditions.#(type=="x")x', "after"),
        ("status.[@this]x", "after"),
    ],
)
def test_what_cannot_be_read_says_why(text, why):
    with pytest.raises(ValueError, match=why):
        Condition(text)


@pytest.mark.parametrize(
    ("kind", "status", "ended"),
    [
        ("Job", {"conditions": [{"type": "Complete", "status": "True"}]}, "success"),
        ("PyTorchJob", {"conditions": [{"type": "Succeeded", "status": "True"}]}, "success"),
        ("PyTorchJob", {"conditions": [{"type": "Failed", "status": "True"}]}, "failure"),
        ("PyTorchJob", {"conditions": [{"type": "Failed", "status": "False"}]}, ""),
        ("JobSet", {"conditions": [{"type": "Completed", "status": "True"}]}, "success"),
        ("RayJob", {"jobStatus": "SUCCEEDED", "jobDeploymentStatus": "Complete"}, "success"),
        ("RayJob", {"jobStatus": "FAILED", "jobDeploymentStatus": "Retrying"}, ""),
        ("RayJob", {"jobStatus": "FAILED", "jobDeploymentStatus": "Failed"}, "failure"),
        ("RayJob", {"jobStatus": "STOPPED", "jobDeploymentStatus": "Complete"}, "failure"),
        ("Workflow", {"phase": "Running"}, ""),
        ("Workflow", {"phase": "Succeeded"}, "success"),
        ("Workflow", {"phase": "Failed"}, "failure"),
        ("Workflow", {"phase": "Error"}, "failure"),
        ("PipelineRun", {"conditions": [{"type": "Succeeded", "status": "Unknown"}]}, ""),
        ("PipelineRun", {"conditions": [{"type": "Succeeded", "status": "True"}]}, "success"),
        ("PipelineRun", {"conditions": [{"type": "Succeeded", "status": "False"}]}, "failure"),
    ],
)
def test_the_ends_of_known_kinds(kind, status, ended):
    document, known = {"kind": kind, "status": status}, KINDS[kind]
    assert (met(known.success, document) is not None) == (ended == "success")
    assert (met(known.failure, document) is not None) == (ended == "failure")
