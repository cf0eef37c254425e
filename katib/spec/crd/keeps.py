"""What the Experiment's CRD adds to the types: for each rule that an API server can keep, where and how.

Where: a path as docs/experiment-reference.md writes it. How: words of OpenAPI, and CEL. An API server judges by the
longest lists and texts that are allowed what a rule may cost, and refuses a CRD that may cost too much: hence the
limits, which are far from use.
"""

from katib.core.names import STUDY_NAME, STUDY_NAME_LIMIT
from katib.spec.crd.structural import Schema
from katib.spec.experiment import ExperimentSpec
from katib.spec.rules.budget import MOST_REPLICATES
from katib.spec.rules.parameters import INT_LIMIT, NUMBER, WHOLE

PARAMETERS_LIMIT = 300
OBJECTIVES_LIMIT = 8
METRICS_LIMIT = 256
METRIC_NAME_LIMIT = 128
NAME_LIMIT = 256
"""Of a parameter's name and of what a trialParameter refers to."""
NUMBER_LIMIT = 256
"""Of a number's text."""

EDITABLE = ("parallelTrialCount", "maxTrialCount", "maxFailedTrialCount", "maxSeconds", "maxStaleTrialCount")

_PARAMETERS, _PARAMETER, _SPACE = "spec.parameters", "spec.parameters[]", "spec.parameters[].feasibleSpace"
_TEMPLATE, _TRIAL_PARAMETERS = "spec.trialTemplate", "spec.trialTemplate.trialParameters"
_COLLECTOR = "spec.metricsCollectorSpec"
_OBJECTIVES = ("spec.objective", "spec.objectives[]")
_ALGORITHMS = ("spec.algorithm", "spec.earlyStopping")

_TEXT: Schema = {"minLength": 1}
_WORD: Schema = {"pattern": r"\S"}


def _cel(rule: str, message: str) -> Schema:
    return {"x-kubernetes-validations": [{"rule": rule, "message": message}]}


def _unique(key: str) -> Schema:
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


def _given(place: str) -> str:
    """CEL: whether a text or list is there, and not empty."""
    return f"(has({place}) && size({place}) > 0)"


_LOW, _HIGH, _STEP, _LIST = (f"self.feasibleSpace.{name}" for name in ("min", "max", "step", "list"))
_IS_NUMERIC = "self.parameterType in ['double', 'int']"
_IS_NUMBER, _IS_WHOLE = (f".matches(r'^(?:{pattern.pattern})$')" for pattern in (NUMBER, WHOLE))


def _are_numbers(*places: str) -> str:
    """CEL: whether a numeric parameter has these and each is a number; for rules that reckon with them."""
    return " && ".join([_IS_NUMERIC, *(f"{_given(place)} && {place}{_IS_NUMBER}" for place in places)])


def _number(name: str) -> list[tuple[str, Schema]]:
    text = f"self.feasibleSpace.{name}"
    finite = f"{text}{_IS_NUMBER} && double({text}) - double({text}) == 0.0"
    whole = f"{text}{_IS_WHOLE} && size({text}) <= 20 && int({text}) <= {INT_LIMIT} && int({text}) >= -{INT_LIMIT}"
    wanted = f"{name} must be a finite number such as 0.1 or 1e-4"
    wanted_whole = f"{name} must be a whole number such as 32, at most {INT_LIMIT} either way"
    return [
        (f"{_SPACE}.{name}", {"maxLength": NUMBER_LIMIT}),
        (_PARAMETER, _cel(f"self.parameterType != 'double' || !{_given(text)} || ({finite})", wanted)),
        (_PARAMETER, _cel(f"self.parameterType != 'int' || !{_given(text)} || ({whole})", wanted_whole)),
    ]


def _least(field: str, least: int) -> list[tuple[str, Schema]]:
    return [(f"spec.{field}", {"minimum": least})]


def _at_most_all(field: str) -> list[tuple[str, Schema]]:
    rule = f"!has(self.{field}) || !has(self.maxTrialCount) || self.{field} <= self.maxTrialCount"
    return [("spec", _cel(rule, f"{field} must be at most maxTrialCount"))]


def _only_budget() -> list[tuple[str, Schema]]:
    message = f"only {', '.join(f'spec.{field}' for field in EDITABLE)} can be edited"
    fields = [str(field.alias) for field in ExperimentSpec.model_fields.values() if field.alias not in EDITABLE]
    return [
        ("spec", _cel(f"has(self.{field}) ? has(oldSelf.{field}) && self.{field} == oldSelf.{field} : "
                      f"!has(oldSelf.{field})", message))
        for field in fields
    ]  # fmt: skip


def _collects(kind: str, place: str, wanted: list[str], message: str) -> list[tuple[str, Schema]]:
    """Conditions on where a collector of one kind looks, when it is said at all."""
    it_does = f"has(self.collector) && has(self.collector.kind) && self.collector.kind == '{kind}'"
    it_is_said = f"has(self.source) && has(self.source.{place})"
    return [(_COLLECTOR, _cel(f"!({it_does} && {it_is_said}) || ({' && '.join(wanted)})", message))]


_PATH, _KIND, _FORMAT = (f"self.source.fileSystemPath.{name}" for name in ("path", "kind", "format"))
_PATTERNS = "self.source.filter.metricsFormat"
_PORT, _URL = "self.source.httpGet.port", "self.source.httpGet.path"
_ABSOLUTE = f"(!{_given(_PATH)} || {_PATH}.startsWith('/'))"
_SEVERAL = "!has(self.objectives) || "

KEEPS: dict[str, list[tuple[str, Schema]]] = {
    "name": [
        (
            "metadata",
            {
                "properties": {
                    "name": {"type": "string", "maxLength": STUDY_NAME_LIMIT, "pattern": f"^{STUDY_NAME.pattern}$"}
                }
            },
        )
    ],
    "max-failed-sign": _least("maxFailedTrialCount", 0),
    "max-trials-sign": _least("maxTrialCount", 1),
    "parallel-sign": _least("parallelTrialCount", 1),
    "max-failed-of-max": _at_most_all("maxFailedTrialCount"),
    "parallel-of-max": _at_most_all("parallelTrialCount"),
    "time-and-patience": [
        ("spec.maxSeconds", {"minimum": 0, "exclusiveMinimum": True}),
        ("spec.maxStaleTrialCount", {"minimum": 1}),
    ],
    "replicates": [("spec.replicates", {"minimum": 1, "maximum": MOST_REPLICATES})],
    "edit-budget-only": _only_budget(),
    "objective": [
        ("spec", _cel("has(self.objective) || has(self.objectives)", "an objective is needed: its type and metric")),
        *((at, {"required": ["type", "objectiveMetricName"]}) for at in _OBJECTIVES),
        *((f"{at}.type", {"enum": ["minimize", "maximize"]}) for at in _OBJECTIVES),
        *((f"{at}.objectiveMetricName", {**_WORD, "maxLength": METRIC_NAME_LIMIT}) for at in _OBJECTIVES),
    ],
    "objectives": [
        ("spec", _cel("!(has(self.objective) && has(self.objectives))", "either objective or objectives, not both")),
        ("spec.objectives", {"minItems": 1, "maxItems": OBJECTIVES_LIMIT, **_unique("objectiveMetricName")}),
    ],
    "additional-is-objective": [
        (
            "spec.objective",
            _cel(
                "!has(self.additionalMetricNames) || !(self.objectiveMetricName in self.additionalMetricNames)",
                "additionalMetricNames must not have the objective's metric, which is collected anyway",
            ),
        ),
        (
            "spec",
            _cel(
                f"{_SEVERAL}!self.objectives.exists(one, has(one.additionalMetricNames) && "
                "self.objectives.exists(each, each.objectiveMetricName in one.additionalMetricNames))",
                "additionalMetricNames must not have an objective's metric, which is collected anyway",
            ),
        ),
    ],
    "additional-names": [
        *(
            (f"{at}.additionalMetricNames", {"maxItems": METRICS_LIMIT, "x-kubernetes-list-type": "set"})
            for at in _OBJECTIVES
        ),
        *((f"{at}.additionalMetricNames[]", {**_WORD, "maxLength": METRIC_NAME_LIMIT}) for at in _OBJECTIVES),
    ],
    "strategies": [
        *((f"{at}.metricStrategies", {"maxItems": METRICS_LIMIT, **_unique("name")}) for at in _OBJECTIVES),
        *((f"{at}.metricStrategies[]", {"required": ["name", "value"]}) for at in _OBJECTIVES),
        *((f"{at}.metricStrategies[].name", {"maxLength": METRIC_NAME_LIMIT}) for at in _OBJECTIVES),
        *((f"{at}.metricStrategies[].value", {"enum": ["min", "max", "latest"]}) for at in _OBJECTIVES),
        *(
            (
                at,
                _cel(
                    "!has(self.metricStrategies) || self.metricStrategies.all(each, "
                    "each.name == self.objectiveMetricName || "
                    "(has(self.additionalMetricNames) && each.name in self.additionalMetricNames))",
                    "metricStrategies must be for metrics of this objective",
                ),
            )
            for at in _OBJECTIVES
        ),
    ],
    "algorithm-name": [
        (
            "spec.algorithm",
            _cel(
                f"!{_given('self.algorithmSettings')} || {_given('self.algorithmName')}",
                "algorithmSettings need an algorithmName",
            ),
        ),
    ],
    "early-stopping-name": [
        ("spec.earlyStopping", {"required": ["algorithmName"]}),
        ("spec.earlyStopping.algorithmName", _TEXT),
    ],
    "settings": [
        *((f"{at}.algorithmSettings", _unique("name")) for at in _ALGORITHMS),
        *((f"{at}.algorithmSettings[]", {"required": ["name"]}) for at in _ALGORITHMS),
        *((f"{at}.algorithmSettings[].name", _TEXT) for at in _ALGORITHMS),
    ],
    "parameters-or-nas": [
        (
            "spec",
            _cel(
                f"{_given('self.parameters')} != has(self.nasConfig)",
                "either parameters or a nasConfig, one of the two",
            ),
        ),
    ],
    "parameter-name": [
        (_PARAMETER, {"required": ["name"]}),
        (f"{_PARAMETER}.name", {**_TEXT, "maxLength": NAME_LIMIT}),
    ],
    "parameter-twins": [(_PARAMETERS, {"maxItems": PARAMETERS_LIMIT, **_unique("name")})],
    "parameter-type": [
        (_PARAMETER, {"required": ["parameterType"]}),
        (f"{_PARAMETER}.parameterType", {"enum": ["double", "int", "discrete", "categorical"]}),
    ],
    "distribution": [
        # A word, or the list that Katib's Python SDK puts here. No type can say so, and where there is no type a word's
        # limits hold for words only and a list's for lists only: `not: {minItems: …}` is false for whatever is no list.
        (
            f"{_SPACE}.distribution",
            {
                "type": None,
                "enum": None,
                "x-kubernetes-preserve-unknown-fields": True,
                "anyOf": [
                    {"enum": ["", "uniform", "logUniform", "normal", "logNormal", "unknown"]},
                    {"not": {"minItems": 10**6}},
                ],
            },
        )
    ],
    "bounds": [
        (_PARAMETER, {"required": ["feasibleSpace"]}),
        (
            _PARAMETER,
            _cel(
                f"!({_IS_NUMERIC}) || ({_given(_LOW)} && {_given(_HIGH)} && !{_given(_LIST)})",
                "double and int need min and max, and no list",
            ),
        ),
    ],
    "no-bounds": [
        (
            _PARAMETER,
            _cel(
                f"{_IS_NUMERIC} || !({_given(_LOW)} || {_given(_HIGH)} || {_given(_STEP)})",
                "discrete and categorical have a list, and no min, max and step",
            ),
        ),
    ],
    "numbers": [*_number("min"), *_number("max"), *_number("step")],
    "min-max": [
        (
            _PARAMETER,
            _cel(
                f"!({_are_numbers(_LOW, _HIGH)}) || (double({_LOW}) <= double({_HIGH}) && "
                f"double({_HIGH}) - double({_LOW}) <= 1.7976931348623157e308)",
                "min must be at most max, and max - min a finite number",
            ),
        ),
    ],
    "step": [(_PARAMETER, _cel(f"!({_are_numbers(_STEP)}) || double({_STEP}) > 0.0", "step must be more than 0"))],
    "step-count": [
        (
            _PARAMETER,
            _cel(
                f"!({_are_numbers(_LOW, _HIGH, _STEP)}) || double({_STEP}) <= 0.0 || "
                f"(double({_HIGH}) - double({_LOW})) / double({_STEP}) <= {float(INT_LIMIT)}",
                f"at most {INT_LIMIT} steps between min and max",
            ),
        ),
    ],
    "list-twins": [(f"{_SPACE}.list", {"x-kubernetes-list-type": "set"})],
    "trial-parameters": [(_TEMPLATE, {"required": ["trialParameters"]})],
    "template-source": [
        (_TEMPLATE, _cel("has(self.trialSpec) != has(self.configMap)", "either a trialSpec or a configMap is needed")),
        (f"{_TEMPLATE}.trialSpec", {"minProperties": 1}),
        (f"{_TEMPLATE}.configMap", {"required": ["configMapName", "configMapNamespace", "templatePath"]}),
        *((f"{_TEMPLATE}.configMap.{name}", _TEXT) for name in ("configMapName", "configMapNamespace", "templatePath")),
    ],
    "trial-parameter-form": [
        (f"{_TRIAL_PARAMETERS}[]", {"required": ["name", "reference"]}),
        (f"{_TRIAL_PARAMETERS}[].name", {"pattern": "^[^{}]+$", "maxLength": NAME_LIMIT}),
        (f"{_TRIAL_PARAMETERS}[].reference", {**_TEXT, "maxLength": NAME_LIMIT}),
    ],
    "trial-parameter-twins": [
        (_TRIAL_PARAMETERS, {"maxItems": PARAMETERS_LIMIT, **_unique("name")}),
        (
            _TRIAL_PARAMETERS,
            _cel("self.all(each, self.exists_one(other, other.reference == each.reference))", "each reference once"),
        ),
    ],
    "file": _collects(
        "File",
        "fileSystemPath",
        [
            _ABSOLUTE,
            f"(!has({_KIND}) || {_KIND} in ['', 'File'])",
            f"!(has({_FORMAT}) && {_FORMAT} == 'JSON' && has(self.source.filter) && {_given(_PATTERNS)})",
        ],
        "the collector File reads a File at an absolute path; with format JSON there are no patterns",
    ),
    "tensorflow-event": _collects(
        "TensorFlowEvent",
        "fileSystemPath",
        [_ABSOLUTE, f"(!has({_KIND}) || {_KIND} in ['', 'Directory'])", f"!{_given(_FORMAT)}"],
        "the collector TensorFlowEvent reads a Directory at an absolute path, and has no format",
    ),
    "prometheus": _collects(
        "PrometheusMetric",
        "httpGet",
        [
            # 0 and an empty text are the default.
            f"(!has({_PORT}) || (type({_PORT}) == int ? {_PORT} >= 0 && {_PORT} < 65536 : "
            f"string({_PORT}).matches('^([0-9]{{1,5}})?$') && (string({_PORT}) == '' || "
            f"(int(string({_PORT})) > 0 && int(string({_PORT})) < 65536))))",
            f"(!{_given(_URL)} || {_URL}.startsWith('/'))",
        ],
        "the collector PrometheusMetric needs a port from 1 to 65535 and a path that begins with /",
    ),
    "custom": [
        (
            _COLLECTOR,
            _cel(
                "!(has(self.collector) && has(self.collector.kind) && self.collector.kind == 'Custom') || "
                "has(self.collector.customCollector)",
                "the collector Custom needs a customCollector",
            ),
        ),
        *_collects(
            "Custom",
            "fileSystemPath",
            [f"has({_PATH}) && {_PATH}.startsWith('/')", f"has({_KIND}) && {_KIND} in ['File', 'Directory']"],
            "the collector Custom reads a File or a Directory at an absolute path",
        ),
    ],
}
"""Rule -> what is added, and where. A value of None takes away what the type says."""


def keep(schema: Schema) -> None:
    """Add all of it to the schema of an Experiment."""
    for additions in KEEPS.values():
        for path, addition in additions:
            _add(_place(schema, path), addition)


def _place(schema: Schema, path: str) -> Schema:
    for name in path.split("."):
        schema = schema["properties"][name.removesuffix("[]")]
        if name.endswith("[]"):
            schema = schema["items"]
    return schema


def _add(place: Schema, addition: Schema) -> None:
    for word, value in addition.items():
        if value is None:
            del place[word]
        elif word in ("required", "x-kubernetes-validations"):
            place[word] = [*place.get(word, []), *value]
        else:
            place[word] = value
