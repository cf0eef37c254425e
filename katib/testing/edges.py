"""Every rule of an Experiment at its edge: documents that it just refuses, and that it just does not."""

from collections.abc import Mapping
from typing import Any

from katib.testing.experiments import GONE

SPEC = "spec.trialTemplate.trialSpec"
CONTAINER = f"{SPEC}.spec.template.spec.containers[0]"
LR, LAYERS, BATCH, OPT = (f"spec.parameters[{index}].feasibleSpace" for index in range(4))
COLLECTOR = "spec.metricsCollectorSpec"
PLACE = f"{COLLECTOR}.source.fileSystemPath"
HTTP = f"{COLLECTOR}.source.httpGet"
FORMATS = f"{COLLECTOR}.source.filter.metricsFormat"
TRIAL = "spec.trialTemplate.trialParameters"
NAS = {"graphConfig": {"numLayers": 2}, "operations": []}
CONFIG_MAP = {"configMapName": "a", "configMapNamespace": "b", "templatePath": "c"}
LAYERS_AT, BATCH_AT, OPT_AT = (f"spec.parameters[{index}].condition" for index in (1, 2, 3))
LOSS = {"type": "minimize", "objectiveMetricName": "loss"}
SIZE = {"type": "maximize", "objectiveMetricName": "size"}
CONDITIONS = {"spec.trialTemplate.successCondition": "a", "spec.trialTemplate.failureCondition": "b"}


def collector(kind: str, **more: Any) -> dict[str, Any]:
    """Changes that make it a collector of this kind."""
    return {f"{COLLECTOR}.collector.kind": kind} | more


def when(parameter: str, *values: Any) -> dict[str, Any]:
    """A condition."""
    return {"parameter": parameter, "values": list(values)}


def several(*objectives: Mapping[str, Any]) -> dict[str, Any]:
    """Changes that make it an Experiment of several objectives."""
    return {"spec.objective": GONE, "spec.objectives": list(objectives)}


def use(where: dict[str, Any]) -> dict[str, Any]:
    """Changes by which `layers` depends on the optimizer, and stands in the container as `where` says."""
    placeholders = ["--lr=${trialParameters.lr}", "${trialParameters.batch}", "${trialParameters.optimizer}"]
    rest = {f"{CONTAINER}.args": [*placeholders, *where.pop("args", [])]}
    return {
        LAYERS_AT: when("optimizer", "sgd"),
        **rest,
        **{f"{CONTAINER}.{name}": each for name, each in where.items()},
    }


PLACED = "${trialParameters.layers}"

REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("kind", {"kind": "Job"}, ["kind"]),
    ("kind", {"kind": GONE}, ["kind"]),
    ("kind", {"apiVersion": "kubeflow.org/v1alpha3"}, ["apiVersion"]),
    ("kind", {"apiVersion": GONE}, ["apiVersion"]),
    ("unknown-field", {"spec.paralelTrialCount": 2}, ["spec.paralelTrialCount"]),
    ("unknown-field", {"spec.parallel_trial_count": 2}, ["spec.parallel_trial_count"]),
    ("unknown-field", {f"{LR}.low": "1"}, [f"{LR}.low"]),
    ("unknown-field", {'metadata["a b"]': None}, ['metadata["a b"]']),
    ("field-type", {"spec.maxTrialCount": "8"}, ["spec.maxTrialCount"]),
    ("field-type", {"spec.maxTrialCount": 8.0}, ["spec.maxTrialCount"]),
    ("field-type", {"spec.maxTrialCount": True}, ["spec.maxTrialCount"]),
    ("field-type", {"spec.maxTrialCount": 2**31}, ["spec.maxTrialCount"]),
    ("field-type", {"spec.objective.goal": "0.9"}, ["spec.objective.goal"]),
    ("field-type", {"spec.objective.goal": float("nan")}, ["spec.objective.goal"]),
    ("field-type", {"spec.trialTemplate.retain": "true"}, ["spec.trialTemplate.retain"]),
    ("field-type", {"spec.parameters": {}}, ["spec.parameters"]),
    ("field-type", {"spec.parameters[1]": "layers"}, ["spec.parameters[1]"]),
    ("field-type", {f"{BATCH}.list": "16"}, [f"{BATCH}.list"]),
    ("field-type", {f"{BATCH}.list[1]": None}, [f"{BATCH}.list[1]"]),
    ("field-type", {"metadata": []}, ["metadata"]),
    ("field-type", {"spec.objective.goal": object()}, ["spec.objective.goal"]),
    ("field-type", {f"{HTTP}.port": [1]}, [f"{HTTP}.port"]),
    ("name", {"metadata.name": "a" * 41}, ["metadata.name"]),
    ("name", {"metadata.name": "a_b"}, ["metadata.name"]),
    ("name", {"metadata.name": "a-"}, ["metadata.name"]),
    ("name", {"metadata.name": "A"}, ["metadata.name"]),
    ("name", {"metadata.name": "1a"}, ["metadata.name"]),
    ("name", {"metadata.name": "a\n"}, ["metadata.name"]),
    ("name", {"metadata": {"generateName": "a-"}}, ["metadata.name"]),
    ("condition-parent", {LAYERS_AT: {"values": ["sgd"]}}, [f"{LAYERS_AT}.parameter"]),
    ("condition-parent", {LAYERS_AT: when("optimiser", "sgd")}, [f"{LAYERS_AT}.parameter"]),
    ("condition-parent", {LAYERS_AT: when("layers", "2")}, [f"{LAYERS_AT}.parameter"]),
    ("condition-parent", {LAYERS_AT: when("lr", "0.1")}, [f"{LAYERS_AT}.parameter"]),
    (
        "condition-circle",
        {LAYERS_AT: when("optimizer", "sgd"), BATCH_AT: when("layers", "2"), OPT_AT: when("batch", "16")},
        [f"{LAYERS_AT}.parameter", f"{BATCH_AT}.parameter", f"{OPT_AT}.parameter"],
    ),
    ("condition-values", {LAYERS_AT: when("optimizer")}, [f"{LAYERS_AT}.values"]),
    ("condition-values", {LAYERS_AT: when("optimizer", "sgd", "sgd")}, [f"{LAYERS_AT}.values[1]"]),
    ("condition-values", {LAYERS_AT: when("optimizer", "sgd", "Adam")}, [f"{LAYERS_AT}.values[1]"]),
    ("condition-values", {LAYERS_AT: when("batch", "16.0")}, [f"{LAYERS_AT}.values[0]"]),
    ("condition-values", {BATCH_AT: when("layers", "1000", "2.5")}, [f"{BATCH_AT}.values[0]", f"{BATCH_AT}.values[1]"]),
    ("condition-values", {f"{LAYERS}.step": "2", BATCH_AT: when("layers", "3")}, [f"{BATCH_AT}.values[0]"]),
    ("condition-use", use({"env": [{"name": "LAYERS", "value": PLACED}]}), [f"{CONTAINER}.env[0].value"]),
    ("condition-use", use({"command": [PLACED, "train.py"]}), [f"{CONTAINER}.command[0]"]),
    ("condition-use", use({"workingDir": PLACED}), [f"{CONTAINER}.workingDir"]),
    ("condition-use", use({"command": ["/bin/sh", "-ec", f"train {PLACED}"]}), [f"{CONTAINER}.command[2]"]),
    ("max-failed-sign", {"spec.maxFailedTrialCount": -1}, ["spec.maxFailedTrialCount"]),
    ("max-trials-sign", {"spec.maxTrialCount": 0}, ["spec.maxTrialCount"]),
    ("parallel-sign", {"spec.parallelTrialCount": 0}, ["spec.parallelTrialCount"]),
    ("max-failed-of-max", {"spec.maxFailedTrialCount": 9}, ["spec.maxFailedTrialCount"]),
    ("parallel-of-max", {"spec.parallelTrialCount": 9}, ["spec.parallelTrialCount"]),
    ("resume-policy", {"spec.resumePolicy": "never"}, ["spec.resumePolicy"]),
    ("objective", {"spec.objective": GONE}, ["spec.objective"]),
    ("objective", {"spec.objective": None}, ["spec.objective"]),
    ("objective", {"spec.objective.type": GONE}, ["spec.objective.type"]),
    ("objective", {"spec.objective.type": "minimise"}, ["spec.objective.type"]),
    ("objective", {"spec.objective.objectiveMetricName": ""}, ["spec.objective.objectiveMetricName"]),
    ("objective", several({}), ["spec.objectives[0].type", "spec.objectives[0].objectiveMetricName"]),
    ("objective", several(LOSS, {**SIZE, "type": "up"}), ["spec.objectives[1].type"]),
    ("time-and-patience", {"spec.maxSeconds": 0.0}, ["spec.maxSeconds"]),
    (
        "time-and-patience",
        {"spec.maxSeconds": -1, "spec.maxStaleTrialCount": 0},
        ["spec.maxSeconds", "spec.maxStaleTrialCount"],
    ),
    ("replicates", {"spec.replicates": 0}, ["spec.replicates"]),
    ("replicates", {"spec.replicates": 1001}, ["spec.replicates"]),
    ("objectives", {"spec.objectives": [SIZE]}, ["spec.objectives"]),
    ("objectives", several(), ["spec.objectives"]),
    ("objectives", several(LOSS, SIZE, {**LOSS, "type": "maximize"}), ["spec.objectives[2].objectiveMetricName"]),
    ("field-type", {"spec.objective": GONE, "spec.objectives": {"loss": "minimize"}}, ["spec.objectives"]),
    (
        "additional-is-objective",
        several(LOSS, {**SIZE, "additionalMetricNames": ["a", "loss"]}),
        ["spec.objectives[1].additionalMetricNames[1]"],
    ),
    (
        "additional-names",
        several({**LOSS, "additionalMetricNames": ["a"]}, {**SIZE, "additionalMetricNames": ["b", "a"]}),
        ["spec.objectives[1].additionalMetricNames[1]"],
    ),
    (
        "strategies",
        several(LOSS, {**SIZE, "metricStrategies": [{"name": "loss", "value": "min"}]}),
        ["spec.objectives[1].metricStrategies[0].name"],
    ),
    (
        "additional-is-objective",
        {"spec.objective.additionalMetricNames": ["a", "loss"]},
        ["spec.objective.additionalMetricNames[1]"],
    ),
    (
        "additional-names",
        {"spec.objective.additionalMetricNames": ["a", "a"]},
        ["spec.objective.additionalMetricNames[1]"],
    ),
    ("additional-names", {"spec.objective.additionalMetricNames": [" "]}, ["spec.objective.additionalMetricNames[0]"]),
    (
        "strategies",
        {"spec.objective.metricStrategies": [{"name": "los", "value": "min"}]},
        ["spec.objective.metricStrategies[0].name"],
    ),
    (
        "strategies",
        {"spec.objective.metricStrategies": [{"name": "loss", "value": "min"}, {"name": "loss", "value": "max"}]},
        ["spec.objective.metricStrategies[1].name"],
    ),
    (
        "strategies",
        {"spec.objective.metricStrategies": [{"name": "loss"}]},
        ["spec.objective.metricStrategies[0].value"],
    ),
    (
        "strategies",
        {"spec.objective.metricStrategies": [{"name": "loss", "value": "mean"}]},
        ["spec.objective.metricStrategies[0].value"],
    ),
    (
        "algorithm-name",
        {"spec.algorithm": {"algorithmSettings": [{"name": "a", "value": "1"}]}},
        ["spec.algorithm.algorithmName"],
    ),
    ("early-stopping-name", {"spec.earlyStopping": {}}, ["spec.earlyStopping.algorithmName"]),
    (
        "settings",
        {"spec.algorithm.algorithmSettings": [{"name": "a"}, {"name": "a"}, {"value": "1"}]},
        ["spec.algorithm.algorithmSettings[1].name", "spec.algorithm.algorithmSettings[2].name"],
    ),
    (
        "settings",
        {"spec.earlyStopping": {"algorithmName": "m", "algorithmSettings": [{}]}},
        ["spec.earlyStopping.algorithmSettings[0].name"],
    ),
    ("parameters-or-nas", {"spec.parameters": []}, ["spec.parameters"]),
    ("parameters-or-nas", {"spec.nasConfig": NAS}, ["spec.nasConfig"]),
    ("parameter-name", {"spec.parameters[0].name": GONE}, ["spec.parameters[0].name"]),
    ("parameter-twins", {"spec.parameters[1].name": "lr"}, ["spec.parameters[1].name"]),
    ("parameter-type", {"spec.parameters[0].parameterType": GONE}, ["spec.parameters[0].parameterType"]),
    ("parameter-type", {"spec.parameters[0].parameterType": "unknown"}, ["spec.parameters[0].parameterType"]),
    ("parameter-type", {"spec.parameters[0].parameterType": "Double"}, ["spec.parameters[0].parameterType"]),
    ("distribution", {f"{LR}.distribution": "loguniform"}, [f"{LR}.distribution"]),
    ("bounds", {f"{LR}.list": ["1"]}, [f"{LR}.list"]),
    ("bounds", {LR: {}}, [f"{LR}.min", f"{LR}.max"]),
    ("bounds", {f"{LAYERS}.max": ""}, [f"{LAYERS}.max"]),
    ("no-bounds", {f"{BATCH}.min": "1"}, [f"{BATCH}.min"]),
    ("no-bounds", {f"{OPT}.max": "1", f"{OPT}.step": "1"}, [f"{OPT}.max", f"{OPT}.step"]),
    ("numbers", {f"{LR}.min": "abc"}, [f"{LR}.min"]),
    ("numbers", {f"{LR}.min": "1_0"}, [f"{LR}.min"]),
    ("numbers", {f"{LR}.min": " 1"}, [f"{LR}.min"]),
    ("numbers", {f"{LR}.min": "0,1"}, [f"{LR}.min"]),
    ("numbers", {f"{LR}.max": "nan"}, [f"{LR}.max"]),
    ("numbers", {f"{LR}.max": "inf"}, [f"{LR}.max"]),
    ("numbers", {f"{LR}.max": "1e999"}, [f"{LR}.max"]),
    ("numbers", {f"{LR}.step": "x"}, [f"{LR}.step"]),
    ("numbers", {f"{LAYERS}.min": "2.5"}, [f"{LAYERS}.min"]),
    ("numbers", {f"{LAYERS}.max": "5.0"}, [f"{LAYERS}.max"]),
    ("numbers", {f"{LAYERS}.step": "0.5"}, [f"{LAYERS}.step"]),
    ("numbers", {f"{LAYERS}.max": str(2**53 + 1)}, [f"{LAYERS}.max"]),
    ("numbers", {f"{LAYERS}.max": "9" * 5000}, [f"{LAYERS}.max"]),
    ("min-max", {f"{LR}.min": "0.1000001"}, [f"{LR}.min"]),
    ("min-max", {f"{LAYERS}.min": "6"}, [f"{LAYERS}.min"]),
    ("min-max", {LR: {"min": "-1.7e308", "max": "1.7e308"}}, [f"{LR}.max"]),
    ("step", {f"{LR}.step": "0"}, [f"{LR}.step"]),
    ("step", {f"{LAYERS}.step": "-1"}, [f"{LAYERS}.step"]),
    ("step-count", {f"{LR}.step": "1e-300"}, [f"{LR}.step"]),
    ("log-min", {f"{LR}.min": "0"}, [f"{LR}.min"]),
    ("log-min", {f"{LR}.min": "-1", f"{LR}.distribution": "logNormal"}, [f"{LR}.min"]),
    ("list-distribution", {f"{OPT}.distribution": "normal"}, [f"{OPT}.distribution"]),
    ("list", {f"{OPT}.list": []}, [f"{OPT}.list"]),
    ("list", {BATCH: {}}, [f"{BATCH}.list"]),
    ("list-twins", {f"{OPT}.list": ["a", "b", "a"]}, [f"{OPT}.list[2]"]),
    ("discrete-numbers", {f"{BATCH}.list": ["1", "x"]}, [f"{BATCH}.list[1]"]),
    ("discrete-numbers", {f"{BATCH}.list": ["inf"]}, [f"{BATCH}.list[0]"]),
    ("template", {"spec.trialTemplate": GONE}, ["spec.trialTemplate"]),
    ("template", {"spec.trialTemplate.primaryContainerName": GONE}, ["spec.trialTemplate.primaryContainerName"]),
    (
        "template",
        {f"{SPEC}.kind": "Widget"},
        ["spec.trialTemplate.successCondition", "spec.trialTemplate.failureCondition"],
    ),
    (
        "conditions",
        {"spec.trialTemplate.successCondition": "status.phase == Done", "spec.trialTemplate.failureCondition": "a.#("},
        ["spec.trialTemplate.successCondition", "spec.trialTemplate.failureCondition"],
    ),
    ("trial-parameters", {TRIAL: GONE}, [TRIAL]),
    ("template-source", {SPEC: GONE}, [SPEC]),
    ("template-source", {"spec.trialTemplate.configMap": CONFIG_MAP}, ["spec.trialTemplate.configMap"]),
    (
        "template-source",
        {SPEC: GONE, "spec.trialTemplate.configMap": {"configMapName": "a"}} | CONDITIONS,
        ["spec.trialTemplate.configMap.configMapNamespace", "spec.trialTemplate.configMap.templatePath"],
    ),
    ("trial-parameter-form", {f"{TRIAL}[0].name": ""}, [f"{TRIAL}[0].name"]),
    ("trial-parameter-form", {f"{TRIAL}[0].name": "a}"}, [f"{TRIAL}[0].name"]),
    ("trial-parameter-form", {f"{TRIAL}[0].reference": GONE}, [f"{TRIAL}[0].reference"]),
    ("trial-parameter-twins", {f"{TRIAL}[1].name": "lr"}, [f"{TRIAL}[1].name"]),
    ("trial-parameter-twins", {f"{TRIAL}[1].reference": "lr"}, [f"{TRIAL}[1].reference"]),
    ("reference", {f"{TRIAL}[0].reference": "lrr"}, [f"{TRIAL}[0].reference"]),
    ("metadata-reference", {f"{TRIAL}[4]": {"name": "x", "reference": "${trialSpec.UID}"}}, [f"{TRIAL}[4].reference"]),
    (
        "metadata-reference",
        {f"{TRIAL}[4]": {"name": "x", "reference": "${trialSpec.Labels[a]}"}},
        [f"{TRIAL}[4].reference"],
    ),
    ("all-parameters-used", {f"{TRIAL}[3]": GONE}, ["spec.parameters[3].name"]),
    ("in-template", {f"{TRIAL}[4]": {"name": "x", "reference": "${trialSpec.Name}"}}, [f"{TRIAL}[4].name"]),
    ("no-leftovers", {f"{CONTAINER}.args[4]": "${trialParameters.lrr}"}, [f"{CONTAINER}.args[4]"]),
    ("trial-object", {f"{SPEC}.kind": GONE} | CONDITIONS, [f"{SPEC}.kind"]),
    ("trial-object", {f"{SPEC}.apiVersion": ""}, [f"{SPEC}.apiVersion"]),
    ("trial-object", {f"{SPEC}.metadata.name": "a"}, [f"{SPEC}.metadata.name"]),
    ("trial-object", {f"{SPEC}.metadata.namespace": "a"}, [f"{SPEC}.metadata.namespace"]),
    ("job-fields", {f"{SPEC}.spec.backoffLimits": 3}, [f"{SPEC}.spec.backoffLimits"]),
    ("job-fields", {f"{SPEC}.spec.backoffLimit": "3"}, [f"{SPEC}.spec.backoffLimit"]),
    ("job-fields", {f"{SPEC}.spec.backoffLimit": True}, [f"{SPEC}.spec.backoffLimit"]),
    ("job-fields", {f"{CONTAINER}.comand": []}, [f"{CONTAINER}.comand"]),
    ("job-fields", {f"{CONTAINER}.command": "python train.py"}, [f"{CONTAINER}.command"]),
    ("job-fields", {f"{CONTAINER}.command[0]": {}}, [f"{CONTAINER}.command[0]"]),
    ("job-fields", {f"{CONTAINER}.env": {"A": "1"}}, [f"{CONTAINER}.env"]),
    ("job-fields", {f"{CONTAINER}.env": [{"name": "A", "val": "1"}]}, [f"{CONTAINER}.env[0].val"]),
    ("job-fields", {f"{CONTAINER}.resources.limits": {"cpu": []}}, [f"{CONTAINER}.resources.limits.cpu"]),
    ("job-fields", {f"{SPEC}.spec.template": []}, [f"{SPEC}.spec.template"]),
    ("file", collector("File", **{f"{PLACE}.path": "log"}), [f"{PLACE}.path"]),
    ("file", collector("File", **{f"{PLACE}.kind": "Directory"}), [f"{PLACE}.kind"]),
    ("file", collector("File", **{f"{PLACE}.format": "CSV"}), [f"{PLACE}.format"]),
    ("file", collector("File", **{f"{PLACE}.format": "JSON", FORMATS: ["(a)(b)"]}), [FORMATS]),
    ("tensorflow-event", collector("TensorFlowEvent", **{f"{PLACE}.path": "log"}), [f"{PLACE}.path"]),
    ("tensorflow-event", collector("TensorFlowEvent", **{f"{PLACE}.kind": "File"}), [f"{PLACE}.kind"]),
    ("tensorflow-event", collector("TensorFlowEvent", **{f"{PLACE}.format": "TEXT"}), [f"{PLACE}.format"]),
    ("prometheus", collector("PrometheusMetric", **{f"{HTTP}.port": -1}), [f"{HTTP}.port"]),
    ("prometheus", collector("PrometheusMetric", **{f"{HTTP}.port": 65536}), [f"{HTTP}.port"]),
    ("prometheus", collector("PrometheusMetric", **{f"{HTTP}.port": "0"}), [f"{HTTP}.port"]),
    ("prometheus", collector("PrometheusMetric", **{f"{HTTP}.port": "web"}), [f"{HTTP}.port"]),
    ("prometheus", collector("PrometheusMetric", **{f"{HTTP}.path": "m"}), [f"{HTTP}.path"]),
    ("custom", collector("Custom"), [f"{COLLECTOR}.collector.customCollector"]),
    (
        "custom",
        collector(
            "Custom",
            **{f"{COLLECTOR}.collector.customCollector": {"name": "a"}, PLACE: {"path": "a", "kind": "Invalid"}},
        ),
        [f"{PLACE}.path", f"{PLACE}.kind"],
    ),
    ("collector-kind", collector("None"), [f"{COLLECTOR}.collector.kind"]),
    ("collector-kind", collector("Stdout"), [f"{COLLECTOR}.collector.kind"]),
    ("patterns", {FORMATS: ["(a)(b", r"(a)(\pN)", "(a)b", "[[:alpha:]](a)(b)"]}, [f"{FORMATS}[{i}]" for i in range(4)]),
    ("patterns", collector("File", **{FORMATS: [r"\(a\)\(b\)"]}), [f"{FORMATS}[0]"]),
]

"""Rule, changes to a valid document, the paths that must be among the faults."""

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("unknown-field", {"spec.maxFailedTrialCount": None}),
    ("unknown-field", {"status": {"trials": 3}}),
    ("field-type", {"spec.maxTrialCount": 2**31 - 1}),
    ("field-type", {"spec.objective.goal": 1}),
    ("field-type", {f"{LR}.min": 0.001, f"{BATCH}.list": [1, 2.5], f"{OPT}.list": [True, 3]}),
    ("name", {"metadata.name": "a"}),
    ("name", {"metadata.name": "a" * 40}),
    ("name", {"metadata.name": "a--1"}),
    ("condition-parent", {LAYERS_AT: None}),
    ("condition-circle", {LAYERS_AT: when("batch", "16"), BATCH_AT: when("optimizer", "adam", "sgd")}),
    ("condition-values", {BATCH_AT: when("layers", 2, "5"), f"{LAYERS}.step": "3"}),
    ("condition-use", use({"args": ["--layers", PLACED]})),
    ("condition-use", use({"command": ["sh", "-c", 'train "$@"', "sh", PLACED]})),
    ("max-failed-sign", {"spec.maxFailedTrialCount": 0}),
    ("max-trials-sign", {"spec.maxTrialCount": 1, "spec.parallelTrialCount": 1, "spec.maxFailedTrialCount": 1}),
    ("max-trials-sign", {"spec.maxTrialCount": GONE}),
    ("parallel-sign", {"spec.parallelTrialCount": 1}),
    ("max-failed-of-max", {"spec.maxFailedTrialCount": 8}),
    ("max-failed-of-max", {"spec.maxFailedTrialCount": 9, "spec.maxTrialCount": GONE}),
    ("parallel-of-max", {"spec.parallelTrialCount": 8}),
    ("parallel-of-max", {"spec.parallelTrialCount": 9, "spec.maxTrialCount": GONE}),
    ("parallel-of-max", {"spec.parallelTrialCount": GONE, "spec.maxTrialCount": 1, "spec.maxFailedTrialCount": 0}),
    ("resume-policy", {"spec.resumePolicy": "FromVolume"}),
    ("resume-policy", {"spec.resumePolicy": ""}),
    ("objective", {"spec.objective.type": "maximize"}),
    ("objective", several(LOSS, SIZE)),
    ("objectives", several(LOSS) | {"spec.objective": None}),
    ("objectives", {"spec.objectives": None}),
    ("additional-names", several({**LOSS, "additionalMetricNames": ["a"]}, {**SIZE, "additionalMetricNames": ["b"]})),
    ("strategies", several(LOSS, {**SIZE, "metricStrategies": [{"name": "size", "value": "latest"}]})),
    ("additional-names", {"spec.objective.additionalMetricNames": []}),
    ("strategies", {"spec.objective.metricStrategies": [{"name": "accuracy", "value": "latest"}]}),
    ("algorithm-name", {"spec.algorithm": GONE}),
    ("algorithm-name", {"spec.algorithm": {"algorithmName": ""}}),
    ("early-stopping-name", {"spec.earlyStopping": {"algorithmName": "medianstop"}}),
    ("settings", {"spec.algorithm.algorithmSettings": [{"name": "a"}, {"name": "b", "value": 3}]}),
    ("distribution", {f"{LR}.distribution": "unknown"}),
    ("distribution", {f"{LR}.distribution": ""}),
    ("numbers", {f"{LR}.max": "+.5e0"}),
    ("numbers", {f"{LR}.max": "5."}),
    ("numbers", {f"{LAYERS}.min": "-5"}),
    ("numbers", {f"{LAYERS}.max": str(2**53)}),
    ("min-max", {f"{LR}.min": "0.1"}),
    ("min-max", {f"{LAYERS}.min": "5"}),
    ("step", {f"{LR}.step": "1e-9"}),
    ("step", {f"{LAYERS}.step": "100"}),
    ("log-min", {f"{LR}.min": "1e-300"}),
    ("log-min", {f"{LR}.min": "0", f"{LR}.distribution": "uniform"}),
    ("list-distribution", {f"{OPT}.distribution": "uniform"}),
    ("list", {f"{OPT}.list": ["one"]}),
    ("list-twins", {f"{BATCH}.list": ["1", "1.0"]}),
    ("discrete-numbers", {f"{BATCH}.list": ["-1e3", ".5"]}),
    ("template", {f"{SPEC}.kind": "Widget"} | CONDITIONS),
    ("template", {f"{SPEC}.kind": "Workflow"}),
    ("conditions", {"spec.trialTemplate.successCondition": 'status.[@this].#(phase=="Done")#'}),
    ("template-source", {SPEC: GONE, "spec.trialTemplate.configMap": CONFIG_MAP} | CONDITIONS),
    (
        "metadata-reference",
        {
            f"{TRIAL}[4]": {"name": "x", "reference": "${trialSpec.Labels[a.b/c]}"},
            f"{CONTAINER}.args[4]": "${trialParameters.x}",
            f"{SPEC}.metadata.labels": {"a.b/c": "1"},
        },
    ),
    ("trial-object", {f"{SPEC}.metadata.annotations": {"a": "b"}}),
    ("job-fields", {f"{SPEC}.spec.backoffLimit": 0, f"{CONTAINER}.resources.limits": {"cpu": 1, "memory": "1Gi"}}),
    ("job-fields", {f"{CONTAINER}.env": [{"name": "A", "value": 1}], f"{CONTAINER}.args[4]": 3}),
    ("job-fields", {f"{SPEC}.spec.template.spec.nodeSelector": None}),
    ("job-fields", {f"{SPEC}.apiVersion": "example.com/v1", f"{SPEC}.spec.anything": 1}),
    ("file", collector("File")),
    ("file", collector("File", **{f"{PLACE}.path": "/log", f"{PLACE}.format": "JSON"})),
    ("tensorflow-event", collector("TensorFlowEvent", **{f"{PLACE}.path": "/events"})),
    ("prometheus", collector("PrometheusMetric", **{f"{HTTP}.port": 65535})),
    ("prometheus", collector("PrometheusMetric", **{f"{HTTP}.port": "1"})),
    ("custom", collector("Custom", **{f"{COLLECTOR}.collector.customCollector": {"name": "a"}})),
    ("collector-kind", collector("Push")),
    ("patterns", {FORMATS: [r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)", "(?P<a>x)(y)"]}),
]
"""Rule, changes to a valid document that leave it valid."""
