"""Every method of Vizier's API, as a table."""

from typing import cast

from google.protobuf import empty_pb2, message_factory

from katib.rpc import vizier
from katib.rpc.descriptors import POOL
from katib.rpc.methods import Method
from katib.rpc.operations import GetOperationRequest, Operation

VIZIER = "vizier.VizierService"

EMPTY = cast(
    type[empty_pb2.Empty], message_factory.GetMessageClass(POOL.FindMessageTypeByName("google.protobuf.Empty"))
)

CREATE_STUDY = Method(VIZIER, "CreateStudy", vizier.CreateStudyRequest, vizier.Study)
GET_STUDY = Method(VIZIER, "GetStudy", vizier.GetStudyRequest, vizier.Study)
LIST_STUDIES = Method(VIZIER, "ListStudies", vizier.ListStudiesRequest, vizier.ListStudiesResponse)
DELETE_STUDY = Method(VIZIER, "DeleteStudy", vizier.DeleteStudyRequest, EMPTY)
SET_STUDY_STATE = Method(VIZIER, "SetStudyState", vizier.SetStudyStateRequest, vizier.Study)
SUGGEST_TRIALS = Method(VIZIER, "SuggestTrials", vizier.SuggestTrialsRequest, Operation)
GET_OPERATION = Method(VIZIER, "GetOperation", GetOperationRequest, Operation)
CREATE_TRIAL = Method(VIZIER, "CreateTrial", vizier.CreateTrialRequest, vizier.Trial)
GET_TRIAL = Method(VIZIER, "GetTrial", vizier.GetTrialRequest, vizier.Trial)
LIST_TRIALS = Method(VIZIER, "ListTrials", vizier.ListTrialsRequest, vizier.ListTrialsResponse)
ADD_TRIAL_MEASUREMENT = Method(VIZIER, "AddTrialMeasurement", vizier.AddTrialMeasurementRequest, vizier.Trial)
COMPLETE_TRIAL = Method(VIZIER, "CompleteTrial", vizier.CompleteTrialRequest, vizier.Trial)
DELETE_TRIAL = Method(VIZIER, "DeleteTrial", vizier.DeleteTrialRequest, EMPTY)
CHECK_TRIAL_EARLY_STOPPING_STATE = Method(
    VIZIER,
    "CheckTrialEarlyStoppingState",
    vizier.CheckTrialEarlyStoppingStateRequest,
    vizier.CheckTrialEarlyStoppingStateResponse,
)
STOP_TRIAL = Method(VIZIER, "StopTrial", vizier.StopTrialRequest, vizier.Trial)
LIST_OPTIMAL_TRIALS = Method(
    VIZIER, "ListOptimalTrials", vizier.ListOptimalTrialsRequest, vizier.ListOptimalTrialsResponse
)
UPDATE_METADATA = Method(VIZIER, "UpdateMetadata", vizier.UpdateMetadataRequest, vizier.UpdateMetadataResponse)
