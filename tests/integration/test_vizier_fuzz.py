"""Whatever bytes or messages come over Vizier's API or DBManager's, the answer is theirs to mend: no fault of ours."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from katib.config import ServeSettings
from katib.rpc import methods, vizier_methods
from katib.rpc.channels import open_channel
from katib.rpc.methods import Method, stub
from katib.server.studies import StudyServer
from katib.service.desk import Desk
from katib.stores.contract import Store
from katib.stores.opening import open_store
from katib.suggestion import open_suggestions

METHODS = [
    *(each for each in vars(vizier_methods).values() if isinstance(each, Method)),
    *(methods.REPORT_OBSERVATION_LOG, methods.GET_OBSERVATION_LOG, methods.DELETE_OBSERVATION_LOG),
]
OURS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED}
TRIAL_NAMES: list[str] = []

# Mostly what is nearly right, so that requests come further than the first check.
TEXTS = st.sampled_from(
    [
        *("", "a", "x", "loss", "ü", "\0", "a/b", "x" * 300, "1", "-1", ":katib", "maxTrialCount", "nan", "1e999"),
        *("owners/me", "owners/me/studies/s", "owners/me/studies/s/trials/1", "owners/me/studies/s/trials/2"),
        *(
            "owners/me/operations/suggestion/s/a/1-2",
            "owners/me/studies/t",
            "owners/\n",
            "RANDOM_SEARCH",
            "GRID_SEARCH",
        ),
        *("2026-01-31T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"),
    ]
) | st.text(max_size=5, alphabet=st.characters(exclude_categories=("Cs",)))
DOUBLES = st.sampled_from([0.0, 1.0, 0.5, -1.0]) | st.floats()
INTEGERS = st.sampled_from([0, 1, 2, -1])

SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_STRING: TEXTS,
    FieldDescriptor.CPPTYPE_DOUBLE: DOUBLES,
    FieldDescriptor.CPPTYPE_INT32: INTEGERS | st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: INTEGERS | st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_ENUM: st.integers(0, 6),
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
}


@st.composite
def filled(draw: st.DrawFn, message: Message, depth: int = 0) -> Message:
    """The message with most of its fields set to anything."""
    descriptor: Descriptor = message.DESCRIPTOR
    for field in descriptor.fields:
        if depth > 6 or not draw(st.integers(0, 3)):
            continue
        target = getattr(message, field.name)
        repeated = isinstance(getattr(message, field.name), type(message)) is False and hasattr(target, "extend")
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            if hasattr(target, "add"):
                for _ in range(draw(st.integers(1, 2))):
                    draw(filled(target.add(), depth + 1))
            elif not field.message_type.GetOptions().map_entry and not hasattr(target, "keys"):
                target.SetInParent()
                draw(filled(target, depth + 1))
        elif field.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, field.name, draw(st.binary(max_size=4)))
        elif repeated:
            target.extend(draw(st.lists(SCALARS[field.cpp_type], max_size=2)))
        else:
            setattr(message, field.name, draw(SCALARS[field.cpp_type]))
    return message


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(tmp_path_factory.mktemp("fuzz") / "katib.db")
    yield store
    store.close()


@pytest.fixture(scope="module")
def channel(store: Store) -> Iterator[grpc.Channel]:
    suggestions = open_suggestions()
    server = StudyServer(Desk(store, suggestions), ServeSettings(port=0))
    server.start()
    channel = open_channel(server.address)
    yield channel
    channel.close()
    server.stop(grace=0)
    suggestions.close()


def right_names(method: Method[Any, Any], field: str) -> list[str]:
    """Of what there is, or may be."""
    if method.service == methods.DB_MANAGER:
        return TRIAL_NAMES
    if method.name == "GetOperation":
        return ["owners/me/operations/suggestion/s/a/1-2"]
    if field == "parent" and method.name in ("CreateStudy", "ListStudies"):
        return ["owners/me"]
    if field == "parent" or method.name in ("GetStudy", "DeleteStudy", "UpdateMetadata"):
        return ["owners/me/studies/s"]
    return ["owners/me/studies/s/trials/1", "owners/me/studies/s/trials/2"]


def prepare(channel: grpc.Channel, store: Store) -> None:
    """A study with a trial that runs, and one that is over, whatever became of the last ones."""
    rpc = vizier_methods
    create = rpc.CREATE_STUDY.request(parent="owners/me")
    create.study.display_name = "s"
    create.study.study_spec.algorithm = "RANDOM_SEARCH"
    create.study.study_spec.metrics.add(metric_id="loss", goal=2)
    create.study.study_spec.parameters.add(parameter_id="x").double_value_spec.max_value = 1.0
    with suppress(grpc.RpcError):
        stub(channel, rpc.DELETE_STUDY)(rpc.DELETE_STUDY.request(name="owners/me/studies/s"))
    stub(channel, rpc.CREATE_STUDY)(create)
    ask = rpc.SUGGEST_TRIALS.request(parent="owners/me/studies/s", client_id="a", suggestion_count=2)
    stub(channel, rpc.SUGGEST_TRIALS)(ask)
    done = rpc.COMPLETE_TRIAL.request(name="owners/me/studies/s/trials/2")
    done.final_measurement.metrics.add(metric_id="loss", value=1.0)
    stub(channel, rpc.COMPLETE_TRIAL)(done)
    study = store.get_study("me/s")
    TRIAL_NAMES[:] = [trial.name for trial in store.trials(study.uid)]


def check(channel: grpc.Channel, method: Method[Any, Any], data: bytes) -> None:
    call = channel.unary_unary(method.path, request_serializer=bytes, response_deserializer=method.reply.FromString)
    try:
        call(data, timeout=60)
    except grpc.RpcError as error:
        assert error.code() not in OURS, f"{method.name} {data!r}: {error.code()} {error.details()}"  # type: ignore[attr-defined]


CALM = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_no_message_is_a_fault_of_ours(channel: grpc.Channel, store: Store, method: Method[Any, Any]) -> None:
    prepare(channel, store)

    @CALM
    @given(st.data())
    def any_message(data: st.DataObject) -> None:
        message = data.draw(filled(method.request()))
        for field in ("name", "parent", "trial_name"):
            if hasattr(message, field) and data.draw(st.integers(0, 7)):
                setattr(message, field, data.draw(st.sampled_from(right_names(method, field))))
        check(channel, method, message.SerializeToString())

    any_message()


@CALM
@given(method=st.sampled_from(METHODS), data=st.binary(max_size=40))
def test_no_bytes_are_a_fault_of_ours(channel: grpc.Channel, method: Method[Any, Any], data: bytes) -> None:
    check(channel, method, data)
