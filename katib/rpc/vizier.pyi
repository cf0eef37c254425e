# Written by `make proto` from proto/vizier.proto.
import datetime

from google.protobuf import any_pb2 as _any_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import wrappers_pb2 as _wrappers_pb2
from katib.rpc import operations as _operations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import Any as _Any, ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStudyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class CreateStudyRequest(_message.Message):
    __slots__ = ("parent", "study")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    STUDY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    study: Study
    def __init__(self, parent: _Optional[str] = ..., study: _Optional[_Union[Study, _Mapping[str, _Any]]] = ...) -> None: ...

class ListStudiesRequest(_message.Message):
    __slots__ = ("parent", "page_token", "page_size")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_token: str
    page_size: int
    def __init__(self, parent: _Optional[str] = ..., page_token: _Optional[str] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListStudiesResponse(_message.Message):
    __slots__ = ("studies", "next_page_token")
    STUDIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    studies: _containers.RepeatedCompositeFieldContainer[Study]
    next_page_token: str
    def __init__(self, studies: _Optional[_Iterable[_Union[Study, _Mapping[str, _Any]]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteStudyRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class SetStudyStateRequest(_message.Message):
    __slots__ = ("parent", "state")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    state: Study.State
    def __init__(self, parent: _Optional[str] = ..., state: _Optional[_Union[Study.State, str]] = ...) -> None: ...

class SuggestTrialsRequest(_message.Message):
    __slots__ = ("parent", "suggestion_count", "client_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    SUGGESTION_COUNT_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    suggestion_count: int
    client_id: str
    def __init__(self, parent: _Optional[str] = ..., suggestion_count: _Optional[int] = ..., client_id: _Optional[str] = ...) -> None: ...

class SuggestTrialsResponse(_message.Message):
    __slots__ = ("trials", "study_state", "start_time", "end_time")
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    STUDY_STATE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    study_state: Study.State
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, trials: _Optional[_Iterable[_Union[Trial, _Mapping[str, _Any]]]] = ..., study_state: _Optional[_Union[Study.State, str]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, _Any]]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, _Any]]] = ...) -> None: ...

class CreateTrialRequest(_message.Message):
    __slots__ = ("parent", "trial")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    parent: str
    trial: Trial
    def __init__(self, parent: _Optional[str] = ..., trial: _Optional[_Union[Trial, _Mapping[str, _Any]]] = ...) -> None: ...

class GetTrialRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListTrialsRequest(_message.Message):
    __slots__ = ("parent", "page_token", "page_size")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_token: str
    page_size: int
    def __init__(self, parent: _Optional[str] = ..., page_token: _Optional[str] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListTrialsResponse(_message.Message):
    __slots__ = ("trials", "next_page_token")
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    next_page_token: str
    def __init__(self, trials: _Optional[_Iterable[_Union[Trial, _Mapping[str, _Any]]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AddTrialMeasurementRequest(_message.Message):
    __slots__ = ("trial_name", "measurement")
    TRIAL_NAME_FIELD_NUMBER: _ClassVar[int]
    MEASUREMENT_FIELD_NUMBER: _ClassVar[int]
    trial_name: str
    measurement: Measurement
    def __init__(self, trial_name: _Optional[str] = ..., measurement: _Optional[_Union[Measurement, _Mapping[str, _Any]]] = ...) -> None: ...

class CompleteTrialRequest(_message.Message):
    __slots__ = ("name", "final_measurement", "trial_infeasible", "infeasible_reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FINAL_MEASUREMENT_FIELD_NUMBER: _ClassVar[int]
    TRIAL_INFEASIBLE_FIELD_NUMBER: _ClassVar[int]
    INFEASIBLE_REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    final_measurement: Measurement
    trial_infeasible: bool
    infeasible_reason: str
    def __init__(self, name: _Optional[str] = ..., final_measurement: _Optional[_Union[Measurement, _Mapping[str, _Any]]] = ..., trial_infeasible: _Optional[bool] = ..., infeasible_reason: _Optional[str] = ...) -> None: ...

class DeleteTrialRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class CheckTrialEarlyStoppingStateRequest(_message.Message):
    __slots__ = ("trial_name",)
    TRIAL_NAME_FIELD_NUMBER: _ClassVar[int]
    trial_name: str
    def __init__(self, trial_name: _Optional[str] = ...) -> None: ...

class CheckTrialEarlyStoppingStateResponse(_message.Message):
    __slots__ = ("should_stop",)
    SHOULD_STOP_FIELD_NUMBER: _ClassVar[int]
    should_stop: bool
    def __init__(self, should_stop: _Optional[bool] = ...) -> None: ...

class StopTrialRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListOptimalTrialsRequest(_message.Message):
    __slots__ = ("parent", "page_token", "page_size")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_token: str
    page_size: int
    def __init__(self, parent: _Optional[str] = ..., page_token: _Optional[str] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListOptimalTrialsResponse(_message.Message):
    __slots__ = ("optimal_trials", "next_page_token")
    OPTIMAL_TRIALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    optimal_trials: _containers.RepeatedCompositeFieldContainer[Trial]
    next_page_token: str
    def __init__(self, optimal_trials: _Optional[_Iterable[_Union[Trial, _Mapping[str, _Any]]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class UnitMetadataUpdate(_message.Message):
    __slots__ = ("trial_id", "metadatum")
    TRIAL_ID_FIELD_NUMBER: _ClassVar[int]
    METADATUM_FIELD_NUMBER: _ClassVar[int]
    trial_id: str
    metadatum: KeyValue
    def __init__(self, trial_id: _Optional[str] = ..., metadatum: _Optional[_Union[KeyValue, _Mapping[str, _Any]]] = ...) -> None: ...

class UpdateMetadataRequest(_message.Message):
    __slots__ = ("name", "delta")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DELTA_FIELD_NUMBER: _ClassVar[int]
    name: str
    delta: _containers.RepeatedCompositeFieldContainer[UnitMetadataUpdate]
    def __init__(self, name: _Optional[str] = ..., delta: _Optional[_Iterable[_Union[UnitMetadataUpdate, _Mapping[str, _Any]]]] = ...) -> None: ...

class UpdateMetadataResponse(_message.Message):
    __slots__ = ("error_details",)
    ERROR_DETAILS_FIELD_NUMBER: _ClassVar[int]
    error_details: str
    def __init__(self, error_details: _Optional[str] = ...) -> None: ...

class Study(_message.Message):
    __slots__ = ("name", "display_name", "study_spec", "state", "create_time", "inactive_reason")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Study.State]
        ACTIVE: _ClassVar[Study.State]
        INACTIVE: _ClassVar[Study.State]
        COMPLETED: _ClassVar[Study.State]
    STATE_UNSPECIFIED: Study.State
    ACTIVE: Study.State
    INACTIVE: Study.State
    COMPLETED: Study.State
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    STUDY_SPEC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    INACTIVE_REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    study_spec: StudySpec
    state: Study.State
    create_time: _timestamp_pb2.Timestamp
    inactive_reason: str
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., study_spec: _Optional[_Union[StudySpec, _Mapping[str, _Any]]] = ..., state: _Optional[_Union[Study.State, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, _Any]]] = ..., inactive_reason: _Optional[str] = ...) -> None: ...

class StudySpec(_message.Message):
    __slots__ = ("metrics", "parameters", "algorithm", "default_stopping_spec", "observation_noise", "metadata")
    class ObservationNoise(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OBSERVATION_NOISE_UNSPECIFIED: _ClassVar[StudySpec.ObservationNoise]
        LOW: _ClassVar[StudySpec.ObservationNoise]
        HIGH: _ClassVar[StudySpec.ObservationNoise]
    OBSERVATION_NOISE_UNSPECIFIED: StudySpec.ObservationNoise
    LOW: StudySpec.ObservationNoise
    HIGH: StudySpec.ObservationNoise
    class MetricSpec(_message.Message):
        __slots__ = ("metric_id", "goal", "safety_config")
        class GoalType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            GOAL_TYPE_UNSPECIFIED: _ClassVar[StudySpec.MetricSpec.GoalType]
            MAXIMIZE: _ClassVar[StudySpec.MetricSpec.GoalType]
            MINIMIZE: _ClassVar[StudySpec.MetricSpec.GoalType]
        GOAL_TYPE_UNSPECIFIED: StudySpec.MetricSpec.GoalType
        MAXIMIZE: StudySpec.MetricSpec.GoalType
        MINIMIZE: StudySpec.MetricSpec.GoalType
        class SafetyMetricConfig(_message.Message):
            __slots__ = ("safety_threshold", "desired_min_safe_trials_fraction")
            SAFETY_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
            DESIRED_MIN_SAFE_TRIALS_FRACTION_FIELD_NUMBER: _ClassVar[int]
            safety_threshold: float
            desired_min_safe_trials_fraction: float
            def __init__(self, safety_threshold: _Optional[float] = ..., desired_min_safe_trials_fraction: _Optional[float] = ...) -> None: ...
        METRIC_ID_FIELD_NUMBER: _ClassVar[int]
        GOAL_FIELD_NUMBER: _ClassVar[int]
        SAFETY_CONFIG_FIELD_NUMBER: _ClassVar[int]
        metric_id: str
        goal: StudySpec.MetricSpec.GoalType
        safety_config: StudySpec.MetricSpec.SafetyMetricConfig
        def __init__(self, metric_id: _Optional[str] = ..., goal: _Optional[_Union[StudySpec.MetricSpec.GoalType, str]] = ..., safety_config: _Optional[_Union[StudySpec.MetricSpec.SafetyMetricConfig, _Mapping[str, _Any]]] = ...) -> None: ...
    class ParameterSpec(_message.Message):
        __slots__ = ("parameter_id", "double_value_spec", "integer_value_spec", "categorical_value_spec", "discrete_value_spec", "scale_type", "external_type", "conditional_parameter_specs")
        class ScaleType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            SCALE_TYPE_UNSPECIFIED: _ClassVar[StudySpec.ParameterSpec.ScaleType]
            UNIT_LINEAR_SCALE: _ClassVar[StudySpec.ParameterSpec.ScaleType]
            UNIT_LOG_SCALE: _ClassVar[StudySpec.ParameterSpec.ScaleType]
            UNIT_REVERSE_LOG_SCALE: _ClassVar[StudySpec.ParameterSpec.ScaleType]
        SCALE_TYPE_UNSPECIFIED: StudySpec.ParameterSpec.ScaleType
        UNIT_LINEAR_SCALE: StudySpec.ParameterSpec.ScaleType
        UNIT_LOG_SCALE: StudySpec.ParameterSpec.ScaleType
        UNIT_REVERSE_LOG_SCALE: StudySpec.ParameterSpec.ScaleType
        class ExternalType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
            __slots__ = ()
            AS_INTERNAL: _ClassVar[StudySpec.ParameterSpec.ExternalType]
            AS_BOOLEAN: _ClassVar[StudySpec.ParameterSpec.ExternalType]
            AS_INTEGER: _ClassVar[StudySpec.ParameterSpec.ExternalType]
            AS_FLOAT: _ClassVar[StudySpec.ParameterSpec.ExternalType]
        AS_INTERNAL: StudySpec.ParameterSpec.ExternalType
        AS_BOOLEAN: StudySpec.ParameterSpec.ExternalType
        AS_INTEGER: StudySpec.ParameterSpec.ExternalType
        AS_FLOAT: StudySpec.ParameterSpec.ExternalType
        class DoubleValueSpec(_message.Message):
            __slots__ = ("min_value", "max_value", "default_value")
            MIN_VALUE_FIELD_NUMBER: _ClassVar[int]
            MAX_VALUE_FIELD_NUMBER: _ClassVar[int]
            DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
            min_value: float
            max_value: float
            default_value: _wrappers_pb2.DoubleValue
            def __init__(self, min_value: _Optional[float] = ..., max_value: _Optional[float] = ..., default_value: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping[str, _Any]]] = ...) -> None: ...
        class IntegerValueSpec(_message.Message):
            __slots__ = ("min_value", "max_value", "default_value")
            MIN_VALUE_FIELD_NUMBER: _ClassVar[int]
            MAX_VALUE_FIELD_NUMBER: _ClassVar[int]
            DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
            min_value: int
            max_value: int
            default_value: _wrappers_pb2.Int64Value
            def __init__(self, min_value: _Optional[int] = ..., max_value: _Optional[int] = ..., default_value: _Optional[_Union[_wrappers_pb2.Int64Value, _Mapping[str, _Any]]] = ...) -> None: ...
        class CategoricalValueSpec(_message.Message):
            __slots__ = ("values", "default_value")
            VALUES_FIELD_NUMBER: _ClassVar[int]
            DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
            values: _containers.RepeatedScalarFieldContainer[str]
            default_value: _wrappers_pb2.StringValue
            def __init__(self, values: _Optional[_Iterable[str]] = ..., default_value: _Optional[_Union[_wrappers_pb2.StringValue, _Mapping[str, _Any]]] = ...) -> None: ...
        class DiscreteValueSpec(_message.Message):
            __slots__ = ("values", "default_value")
            VALUES_FIELD_NUMBER: _ClassVar[int]
            DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
            values: _containers.RepeatedScalarFieldContainer[float]
            default_value: _wrappers_pb2.DoubleValue
            def __init__(self, values: _Optional[_Iterable[float]] = ..., default_value: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping[str, _Any]]] = ...) -> None: ...
        class ConditionalParameterSpec(_message.Message):
            __slots__ = ("parameter_spec", "parent_discrete_values", "parent_int_values", "parent_categorical_values")
            class DiscreteValueCondition(_message.Message):
                __slots__ = ("values",)
                VALUES_FIELD_NUMBER: _ClassVar[int]
                values: _containers.RepeatedScalarFieldContainer[float]
                def __init__(self, values: _Optional[_Iterable[float]] = ...) -> None: ...
            class IntValueCondition(_message.Message):
                __slots__ = ("values",)
                VALUES_FIELD_NUMBER: _ClassVar[int]
                values: _containers.RepeatedScalarFieldContainer[int]
                def __init__(self, values: _Optional[_Iterable[int]] = ...) -> None: ...
            class CategoricalValueCondition(_message.Message):
                __slots__ = ("values",)
                VALUES_FIELD_NUMBER: _ClassVar[int]
                values: _containers.RepeatedScalarFieldContainer[str]
                def __init__(self, values: _Optional[_Iterable[str]] = ...) -> None: ...
            PARAMETER_SPEC_FIELD_NUMBER: _ClassVar[int]
            PARENT_DISCRETE_VALUES_FIELD_NUMBER: _ClassVar[int]
            PARENT_INT_VALUES_FIELD_NUMBER: _ClassVar[int]
            PARENT_CATEGORICAL_VALUES_FIELD_NUMBER: _ClassVar[int]
            parameter_spec: StudySpec.ParameterSpec
            parent_discrete_values: StudySpec.ParameterSpec.ConditionalParameterSpec.DiscreteValueCondition
            parent_int_values: StudySpec.ParameterSpec.ConditionalParameterSpec.IntValueCondition
            parent_categorical_values: StudySpec.ParameterSpec.ConditionalParameterSpec.CategoricalValueCondition
            def __init__(self, parameter_spec: _Optional[_Union[StudySpec.ParameterSpec, _Mapping[str, _Any]]] = ..., parent_discrete_values: _Optional[_Union[StudySpec.ParameterSpec.ConditionalParameterSpec.DiscreteValueCondition, _Mapping[str, _Any]]] = ..., parent_int_values: _Optional[_Union[StudySpec.ParameterSpec.ConditionalParameterSpec.IntValueCondition, _Mapping[str, _Any]]] = ..., parent_categorical_values: _Optional[_Union[StudySpec.ParameterSpec.ConditionalParameterSpec.CategoricalValueCondition, _Mapping[str, _Any]]] = ...) -> None: ...
        PARAMETER_ID_FIELD_NUMBER: _ClassVar[int]
        DOUBLE_VALUE_SPEC_FIELD_NUMBER: _ClassVar[int]
        INTEGER_VALUE_SPEC_FIELD_NUMBER: _ClassVar[int]
        CATEGORICAL_VALUE_SPEC_FIELD_NUMBER: _ClassVar[int]
        DISCRETE_VALUE_SPEC_FIELD_NUMBER: _ClassVar[int]
        SCALE_TYPE_FIELD_NUMBER: _ClassVar[int]
        EXTERNAL_TYPE_FIELD_NUMBER: _ClassVar[int]
        CONDITIONAL_PARAMETER_SPECS_FIELD_NUMBER: _ClassVar[int]
        parameter_id: str
        double_value_spec: StudySpec.ParameterSpec.DoubleValueSpec
        integer_value_spec: StudySpec.ParameterSpec.IntegerValueSpec
        categorical_value_spec: StudySpec.ParameterSpec.CategoricalValueSpec
        discrete_value_spec: StudySpec.ParameterSpec.DiscreteValueSpec
        scale_type: StudySpec.ParameterSpec.ScaleType
        external_type: StudySpec.ParameterSpec.ExternalType
        conditional_parameter_specs: _containers.RepeatedCompositeFieldContainer[StudySpec.ParameterSpec.ConditionalParameterSpec]
        def __init__(self, parameter_id: _Optional[str] = ..., double_value_spec: _Optional[_Union[StudySpec.ParameterSpec.DoubleValueSpec, _Mapping[str, _Any]]] = ..., integer_value_spec: _Optional[_Union[StudySpec.ParameterSpec.IntegerValueSpec, _Mapping[str, _Any]]] = ..., categorical_value_spec: _Optional[_Union[StudySpec.ParameterSpec.CategoricalValueSpec, _Mapping[str, _Any]]] = ..., discrete_value_spec: _Optional[_Union[StudySpec.ParameterSpec.DiscreteValueSpec, _Mapping[str, _Any]]] = ..., scale_type: _Optional[_Union[StudySpec.ParameterSpec.ScaleType, str]] = ..., external_type: _Optional[_Union[StudySpec.ParameterSpec.ExternalType, str]] = ..., conditional_parameter_specs: _Optional[_Iterable[_Union[StudySpec.ParameterSpec.ConditionalParameterSpec, _Mapping[str, _Any]]]] = ...) -> None: ...
    class DefaultEarlyStoppingSpec(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    METRICS_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_STOPPING_SPEC_FIELD_NUMBER: _ClassVar[int]
    OBSERVATION_NOISE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    metrics: _containers.RepeatedCompositeFieldContainer[StudySpec.MetricSpec]
    parameters: _containers.RepeatedCompositeFieldContainer[StudySpec.ParameterSpec]
    algorithm: str
    default_stopping_spec: StudySpec.DefaultEarlyStoppingSpec
    observation_noise: StudySpec.ObservationNoise
    metadata: _containers.RepeatedCompositeFieldContainer[KeyValue]
    def __init__(self, metrics: _Optional[_Iterable[_Union[StudySpec.MetricSpec, _Mapping[str, _Any]]]] = ..., parameters: _Optional[_Iterable[_Union[StudySpec.ParameterSpec, _Mapping[str, _Any]]]] = ..., algorithm: _Optional[str] = ..., default_stopping_spec: _Optional[_Union[StudySpec.DefaultEarlyStoppingSpec, _Mapping[str, _Any]]] = ..., observation_noise: _Optional[_Union[StudySpec.ObservationNoise, str]] = ..., metadata: _Optional[_Iterable[_Union[KeyValue, _Mapping[str, _Any]]]] = ...) -> None: ...

class KeyValue(_message.Message):
    __slots__ = ("key", "ns", "value", "proto")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    PROTO_FIELD_NUMBER: _ClassVar[int]
    key: str
    ns: str
    value: str
    proto: _any_pb2.Any
    def __init__(self, key: _Optional[str] = ..., ns: _Optional[str] = ..., value: _Optional[str] = ..., proto: _Optional[_Union[_any_pb2.Any, _Mapping[str, _Any]]] = ...) -> None: ...

class Trial(_message.Message):
    __slots__ = ("name", "id", "state", "parameters", "final_measurement", "measurements", "start_time", "end_time", "client_id", "infeasible_reason", "metadata")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATE_UNSPECIFIED: _ClassVar[Trial.State]
        REQUESTED: _ClassVar[Trial.State]
        ACTIVE: _ClassVar[Trial.State]
        STOPPING: _ClassVar[Trial.State]
        SUCCEEDED: _ClassVar[Trial.State]
        INFEASIBLE: _ClassVar[Trial.State]
    STATE_UNSPECIFIED: Trial.State
    REQUESTED: Trial.State
    ACTIVE: Trial.State
    STOPPING: Trial.State
    SUCCEEDED: Trial.State
    INFEASIBLE: Trial.State
    class Parameter(_message.Message):
        __slots__ = ("parameter_id", "value")
        PARAMETER_ID_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        parameter_id: str
        value: _struct_pb2.Value
        def __init__(self, parameter_id: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping[str, _Any]]] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    FINAL_MEASUREMENT_FIELD_NUMBER: _ClassVar[int]
    MEASUREMENTS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    INFEASIBLE_REASON_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    id: str
    state: Trial.State
    parameters: _containers.RepeatedCompositeFieldContainer[Trial.Parameter]
    final_measurement: Measurement
    measurements: _containers.RepeatedCompositeFieldContainer[Measurement]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    client_id: str
    infeasible_reason: str
    metadata: _containers.RepeatedCompositeFieldContainer[KeyValue]
    def __init__(self, name: _Optional[str] = ..., id: _Optional[str] = ..., state: _Optional[_Union[Trial.State, str]] = ..., parameters: _Optional[_Iterable[_Union[Trial.Parameter, _Mapping[str, _Any]]]] = ..., final_measurement: _Optional[_Union[Measurement, _Mapping[str, _Any]]] = ..., measurements: _Optional[_Iterable[_Union[Measurement, _Mapping[str, _Any]]]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, _Any]]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping[str, _Any]]] = ..., client_id: _Optional[str] = ..., infeasible_reason: _Optional[str] = ..., metadata: _Optional[_Iterable[_Union[KeyValue, _Mapping[str, _Any]]]] = ...) -> None: ...

class Measurement(_message.Message):
    __slots__ = ("elapsed_duration", "step_count", "metrics")
    class Metric(_message.Message):
        __slots__ = ("metric_id", "value")
        METRIC_ID_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        metric_id: str
        value: float
        def __init__(self, metric_id: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ELAPSED_DURATION_FIELD_NUMBER: _ClassVar[int]
    STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    elapsed_duration: _duration_pb2.Duration
    step_count: int
    metrics: _containers.RepeatedCompositeFieldContainer[Measurement.Metric]
    def __init__(self, elapsed_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping[str, _Any]]] = ..., step_count: _Optional[int] = ..., metrics: _Optional[_Iterable[_Union[Measurement.Metric, _Mapping[str, _Any]]]] = ...) -> None: ...
