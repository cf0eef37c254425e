"""The messages: Katib's, number for number, with ours beyond them, in a pool that nobody else's files disturb."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import Descriptor

from katib.rpc import api, methods
from katib.rpc.descriptors import POOL

ROOT = Path(__file__).parents[3]
OURS = {
    "ParameterCondition",
    *("Algorithms", "DescribeAlgorithmRequest", "DescribeAlgorithmReply", "SettingDescription"),
    "UnreadSuggestionsRequest",
    *("StudyRecord", "ObjectiveRecord", "TrialRecord", "MetricRecord"),
}

# name = number, as in `message: field=number field=number`; [] repeated, {} a map; s string, d double, i int32.
KATIB = """
Experiment: name=1s spec=2ExperimentSpec
ExperimentSpec: parameter_specs=1ExperimentSpec.ParameterSpecs objective=2ObjectiveSpec algorithm=3AlgorithmSpec \
 early_stopping=4EarlyStoppingSpec parallel_trial_count=5i max_trial_count=6i nas_config=7NasConfig
ExperimentSpec.ParameterSpecs: parameters=1[]ParameterSpec
ParameterSpec: name=1s parameter_type=2ParameterType feasible_space=3FeasibleSpace
FeasibleSpace: max=1s min=2s list=3[]s step=4s distribution=5Distribution
ObjectiveSpec: type=1ObjectiveType goal=2d objective_metric_name=3s additional_metric_names=4[]s
AlgorithmSpec: algorithm_name=1s algorithm_settings=2[]AlgorithmSetting
AlgorithmSetting: name=1s value=2s
EarlyStoppingSpec: algorithm_name=1s algorithm_settings=2[]EarlyStoppingSetting
EarlyStoppingSetting: name=1s value=2s
NasConfig: graph_config=1GraphConfig operations=2NasConfig.Operations
NasConfig.Operations: operation=1[]Operation
GraphConfig: num_layers=1i input_sizes=2[]i output_sizes=3[]i
Operation: operation_type=1s parameter_specs=2Operation.ParameterSpecs
Operation.ParameterSpecs: parameters=1[]ParameterSpec
Trial: name=1s spec=2TrialSpec status=3TrialStatus
TrialSpec: objective=2ObjectiveSpec parameter_assignments=3TrialSpec.ParameterAssignments labels=4{}s
TrialSpec.ParameterAssignments: assignments=1[]ParameterAssignment
ParameterAssignment: name=1s value=2s
TrialStatus: start_time=1s completion_time=2s condition=3TrialStatus.TrialConditionType observation=4Observation
Observation: metrics=1[]Metric
Metric: name=1s value=2s
ReportObservationLogRequest: trial_name=1s observation_log=2ObservationLog
ReportObservationLogReply:
ObservationLog: metric_logs=1[]MetricLog
MetricLog: time_stamp=1s metric=2Metric
GetObservationLogRequest: trial_name=1s metric_name=2s start_time=3s end_time=4s
GetObservationLogReply: observation_log=1ObservationLog
DeleteObservationLogRequest: trial_name=1s
DeleteObservationLogReply:
GetSuggestionsRequest: experiment=1Experiment trials=2[]Trial current_request_number=4i total_request_number=5i
GetSuggestionsReply: parameter_assignments=1[]GetSuggestionsReply.ParameterAssignments algorithm=2AlgorithmSpec \
 early_stopping_rules=3[]EarlyStoppingRule
GetSuggestionsReply.ParameterAssignments: assignments=1[]ParameterAssignment trial_name=2s labels=3{}s
ValidateAlgorithmSettingsRequest: experiment=1Experiment
ValidateAlgorithmSettingsReply:
GetEarlyStoppingRulesRequest: experiment=1Experiment trials=2[]Trial db_manager_address=3s
GetEarlyStoppingRulesReply: early_stopping_rules=1[]EarlyStoppingRule
EarlyStoppingRule: name=1s value=2s comparison=3ComparisonType start_step=4i
ValidateEarlyStoppingSettingsRequest: early_stopping=1EarlyStoppingSpec
ValidateEarlyStoppingSettingsReply:
SetTrialStatusRequest: trial_name=1s
SetTrialStatusReply:
ParameterType: UNKNOWN_TYPE=0 DOUBLE=1 INT=2 DISCRETE=3 CATEGORICAL=4
Distribution: DISTRIBUTION_UNSPECIFIED=0 UNIFORM=1 LOG_UNIFORM=2 NORMAL=3 LOG_NORMAL=4
ObjectiveType: UNKNOWN=0 MINIMIZE=1 MAXIMIZE=2
ComparisonType: UNKNOWN_COMPARISON=0 EQUAL=1 LESS=2 GREATER=3
TrialStatus.TrialConditionType: CREATED=0 RUNNING=1 SUCCEEDED=2 KILLED=3 FAILED=4 METRICSUNAVAILABLE=5 EARLYSTOPPED=6 \
 UNKNOWN=7
DBManager: ReportObservationLog GetObservationLog DeleteObservationLog
Suggestion: GetSuggestions ValidateAlgorithmSettings
EarlyStopping: GetEarlyStoppingRules SetTrialStatus ValidateEarlyStoppingSettings
"""
SCALARS = {
    descriptor_pb2.FieldDescriptorProto.TYPE_STRING: "s",
    descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE: "d",
    descriptor_pb2.FieldDescriptorProto.TYPE_INT32: "i",
}
REPEATED = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED


def described(message: descriptor_pb2.DescriptorProto, prefix: str = "") -> dict[str, str]:
    maps = {nested.name for nested in message.nested_type if nested.options.map_entry}
    fields = []
    for field in message.field:
        if field.number >= 1000:
            continue
        last = field.type_name.rpartition(".")[2]
        kind = SCALARS.get(field.type) or field.type_name.removeprefix(".api.v1.beta1.")
        if last in maps:
            kind = "{}s"
        elif field.label == REPEATED:
            kind = f"[]{kind}"
        fields.append(f"{field.name}={field.number}{kind}")
    name = prefix + message.name
    found = {name: " ".join(fields)}
    for nested in message.nested_type:
        if nested.name not in maps:
            found.update(described(nested, f"{name}."))
    found.update((f"{name}.{enum.name}", enumerated(enum)) for enum in message.enum_type)
    return found


def enumerated(enum: descriptor_pb2.EnumDescriptorProto) -> str:
    return " ".join(f"{value.name}={value.number}" for value in enum.value)


def test_every_message_and_method_is_katibs_number_for_number() -> None:
    file = descriptor_pb2.FileDescriptorProto()
    api.DESCRIPTOR.CopyToProto(file)
    found: dict[str, str] = {}
    for message in file.message_type:
        found.update(described(message))
    found.update((enum.name, enumerated(enum)) for enum in file.enum_type)
    found.update((service.name, " ".join(each.name for each in service.method)) for service in file.service)
    lines = [line.split(":", 1) for line in KATIB.strip().splitlines()]
    wanted = {name: " ".join(rest.split()) for name, rest in lines}
    assert {name: fields for name, fields in found.items() if name not in OURS} == wanted
    assert (file.name, file.package, file.syntax) == ("api.proto", "api.v1.beta1", "proto3")


def test_the_method_table_is_what_the_descriptors_say() -> None:
    table = {each.path: each for each in vars(methods).values() if isinstance(each, methods.Method)}
    for file in ("api.proto", "health.proto"):
        for service in POOL.FindFileByName(file).services_by_name.values():
            for method in service.methods:
                row = table.pop(f"/{service.full_name}/{method.name}")
                assert (method.input_type, method.output_type) == (row.request.DESCRIPTOR, row.reply.DESCRIPTOR)
    assert table == {}


def test_it_lives_beside_somebody_elses_file_of_the_same_name() -> None:
    """In the default pool, as a generated module of another package would be; and the other way round."""
    code = """
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
theirs = descriptor_pb2.FileDescriptorProto(name="api.proto", package="api.v1.beta1")
theirs.message_type.add(name="Trial").field.add(name="theirs", number=1, type=9, label=1)
{first}
{second}
pool = descriptor_pool.Default()
Trial = message_factory.GetMessageClass(pool.FindMessageTypeByName("api.v1.beta1.Trial"))
assert [field.name for field in Trial.DESCRIPTOR.fields] == ["theirs"]
assert api.Trial(name="ours").SerializeToString() == Trial(theirs="ours").SerializeToString()
"""
    steps = {
        "first": "descriptor_pool.Default().AddSerializedFile(theirs.SerializeToString())",
        "second": "from katib.rpc import api",
    }
    for order in (steps, {"first": steps["second"], "second": steps["first"]}):
        subprocess.run([sys.executable, "-c", code.format(**order)], check=True)


def test_what_is_ours_is_skipped_by_who_does_not_know_it() -> None:
    """A server of Katib's own reads our request as if we had sent nothing more than Katib does."""
    theirs = descriptor_pb2.FileDescriptorProto()
    api.DESCRIPTOR.CopyToProto(theirs)
    for message in theirs.message_type:
        kept = [field for field in message.field if field.number < 1000]
        del message.field[:]
        message.field.extend(kept)
        if not any(field.HasField("oneof_index") for field in kept):
            # An optional field is one of one.
            del message.oneof_decl[:]
    from google.protobuf import descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(theirs.SerializeToString())
    request: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("api.v1.beta1.GetSuggestionsRequest"))
    sent = api.GetSuggestionsRequest(
        experiment=api.Experiment(name="e", study=api.StudyRecord(uid="u")),
        trials=[api.Trial(name="t", record=api.TrialRecord(ordinal=3))],
        other_trials=[api.Trial(name="hidden")],
        ordinals=[4],
        current_request_number=1,
    )
    read = request.FromString(sent.SerializeToString())
    assert (read.experiment.name, [trial.name for trial in read.trials], read.current_request_number) == ("e", ["t"], 1)


def messages(descriptor: Descriptor) -> list[Descriptor]:
    return [descriptor, *(each for nested in descriptor.nested_types for each in messages(nested))]


def test_field_numbers_of_ours_in_katibs_messages_begin_at_1000() -> None:
    for top in api.DESCRIPTOR.message_types_by_name.values():
        for message in [] if top.name in OURS else messages(top):
            numbers = [field.number for field in message.fields]
            assert all(number <= 7 or number >= 1000 for number in numbers), message.full_name


@pytest.mark.parametrize("name", ["api", "health"])
def test_the_types_name_every_message(name: str) -> None:
    text = (ROOT / "katib" / "rpc" / f"{name}.pyi").read_text()
    file = POOL.FindFileByName(f"{name}.proto")
    declared = set(re.findall(r"^class (\w+)", text, flags=re.MULTILINE))
    assert declared == {*file.message_types_by_name, *file.enum_types_by_name}


def test_a_request_that_is_not_read_yet_is_the_request_itself() -> None:
    """Also when it is put together of pieces, one for each trial."""
    head = {
        "experiment": api.Experiment(name="e"),
        "current_request_number": 2,
        "total_request_number": 9,
        "ordinals": [8, 9],
    }
    trials = [api.Trial(name=name, record=api.TrialRecord(ordinal=3)) for name in "abc"]
    whole = api.GetSuggestionsRequest(trials=trials[:2], other_trials=trials[2:], **head)
    pieces = [
        api.GetSuggestionsRequest(**head),
        api.GetSuggestionsRequest(trials=trials[:1]),
        api.GetSuggestionsRequest(other_trials=trials[2:]),
        api.GetSuggestionsRequest(trials=trials[1:2]),
    ]
    for sent in (whole.SerializeToString(), b"".join(each.SerializeToString() for each in pieces)):
        assert api.GetSuggestionsRequest.FromString(sent) == whole
        unread = api.UnreadSuggestionsRequest.FromString(sent)
        assert [api.Trial.FromString(each) for each in (*unread.trials, *unread.other_trials)] == trials
        assert (unread.experiment, list(unread.ordinals)) == (whole.experiment, [8, 9])
        assert (unread.current_request_number, unread.total_request_number) == (2, 9)


def test_every_field_of_a_request_is_one_of_the_request_that_is_not_read_yet() -> None:
    """With its number: a field that is added to the one has to be added to the other."""
    pair = (api.GetSuggestionsRequest.DESCRIPTOR, api.UnreadSuggestionsRequest.DESCRIPTOR)
    read, unread = ({field.name: field.number for field in each.fields} for each in pair)
    assert read == unread
