"""The rpcs about studies."""

import grpc
from google.protobuf import empty_pb2

from katib.core.metadata import MetadataItem
from katib.core.study import Study
from katib.errors import Fault, InvalidInput
from katib.rpc import vizier
from katib.rpc.convert.vizier.metadata import read_item
from katib.rpc.convert.vizier.names import check_part, read_owner, read_study
from katib.rpc.convert.vizier.study import annotations, lease_seconds, spec_document
from katib.rpc.vizier_methods import EMPTY
from katib.server.vizier.answers import LEASE_SECONDS, Answers
from katib.server.vizier.open import open_study
from katib.server.vizier.pages import page_size
from katib.service.desk import Desk
from katib.service.keeping import annotate, declare_complete
from katib.service.listing import page_of, place_of
from katib.stores.contract import StudyFilter, TrialFilter, Wish

PART_LIMIT = 199
"""Characters of an owner and a study together: with the slash between them, a study's name."""

State = vizier.Study


class StudyRpcs:
    """See `VizierServicer`."""

    def __init__(self, desk: Desk, answers: Answers) -> None:
        self._desk = desk
        self._answers = answers

    def create_study(self, request: vizier.CreateStudyRequest, _context: grpc.ServicerContext) -> vizier.Study:
        """Create a study, or find the same one."""
        owner, study = read_owner(request.parent), request.study
        faults = check_part("study.display_name", study.display_name, PART_LIMIT)
        if study.name:
            wanted = "nothing: the study's name follows from parent and display_name"
            faults.append(Fault(path="study.name", given=study.name, wanted=wanted))
        if len(owner) + len(study.display_name) > PART_LIMIT or not owner.isprintable():
            wanted = f"printable characters, with display_name at most {PART_LIMIT}"
            faults.append(Fault(path="parent", given=repr(owner), wanted=wanted))
        for item in study.study_spec.metadata:
            read_item(item)
        if faults:
            raise InvalidInput(faults, what="the study")
        spec = study.study_spec
        lease_seconds(spec, LEASE_SECONDS)
        opened = self._desk.create(f"{owner}/{study.display_name}", spec_document(spec), annotations=annotations(spec))
        if opened.created and study.state in (State.INACTIVE, State.COMPLETED):
            return self._answers.study(self._in_state(opened.study, study.state))
        return self._answers.study(opened.study)

    def get_study(self, request: vizier.GetStudyRequest, _context: grpc.ServicerContext) -> vizier.Study:
        """A study as it is."""
        return self._answers.study(self._desk.study(read_study(request.name)))

    def list_studies(
        self, request: vizier.ListStudiesRequest, _context: grpc.ServicerContext
    ) -> vizier.ListStudiesResponse:
        """The owner's studies, oldest first; none for an owner that has none."""
        prefix = f"{read_owner(request.parent)}/"
        size = page_size(request.page_size)
        which = StudyFilter(prefix=prefix, after=place_of(request.page_token, path="page_token"))
        part, token = page_of(self._desk.store, which, size)
        return vizier.ListStudiesResponse(studies=map(self._answers.study, part), next_page_token=token)

    def delete_study(self, request: vizier.DeleteStudyRequest, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Remove a study with all that belongs to it."""
        self._desk.delete(read_study(request.name))
        return EMPTY()

    def set_study_state(self, request: vizier.SetStudyStateRequest, _context: grpc.ServicerContext) -> vizier.Study:
        """From any state to any state."""
        study = self._desk.study(read_study(request.parent))
        self._answers.known(study)
        return self._answers.study(self._in_state(study, request.state))

    def update_metadata(
        self, request: vizier.UpdateMetadataRequest, _context: grpc.ServicerContext
    ) -> vizier.UpdateMetadataResponse:
        """All items or none; a trial that is not there is told in the response, as Vizier does."""
        study = open_study(self._desk, read_study(request.name))
        self._answers.known(study)
        items: list[MetadataItem] = []
        unknown = []
        for each in request.delta:
            of_trial = each.HasField("trial_id")
            number = _number(each.trial_id) if of_trial else 0
            if of_trial and not number:
                unknown.append(each.trial_id)
            items.append(read_item(each.metadatum, number))
        wanted = frozenset(item.ordinal for item in items if item.ordinal)
        found = {trial.ordinal for trial in self._desk.store.trials(study.uid, TrialFilter(ordinals=wanted))}
        unknown += [str(ordinal) for ordinal in sorted(wanted - found)]
        if unknown:
            said = f"there is no trial {', '.join(unknown)} in this study; nothing was written"
            return vizier.UpdateMetadataResponse(error_details=said)
        annotate(self._desk.store, study, items, now=self._desk.now())
        return vizier.UpdateMetadataResponse()

    def _in_state(self, study: Study, state: vizier.Study.State) -> Study:
        store, now = self._desk.store, self._desk.now()
        match state:
            case State.STATE_UNSPECIFIED | State.ACTIVE:
                return store.wish(study.name, Wish(stop=False, reopen=True), now=now)
            case State.INACTIVE:
                return store.wish(study.name, Wish(stop=True, reopen=True), now=now)
            case State.COMPLETED:
                return declare_complete(store, study, now=now)
        wanted = "ACTIVE (1), INACTIVE (2) or COMPLETED (3)"
        raise InvalidInput([Fault(path="state", given=str(int(state)), wanted=wanted)], what="the state")


def _number(text: str) -> int:
    """A trial's ordinal; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
