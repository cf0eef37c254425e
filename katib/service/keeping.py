"""What clients do to a study beside running its trials: keep metadata, remove trials, declare it complete."""

from collections.abc import Sequence

from katib.core.metadata import MetadataItem
from katib.core.study import Condition, Study, StudyReason, StudyStatus
from katib.stores.contract import Changes, Lease, Store


def annotate(store: Store, study: Study, items: Sequence[MetadataItem], *, now: float) -> None:
    """Put metadata in the place of what was there. Raises NotFound, and Stale for a study that an engine runs."""
    store.commit(_unowned(study), Changes(metadata=items), now=now)


def remove_trial(store: Store, study: Study, ordinal: int, *, now: float) -> None:
    """Remove a trial with all that is known of it; its ordinal is not used again. Raises as `annotate`."""
    store.commit(_unowned(study), Changes(removed=[ordinal]), now=now)


def declare_complete(store: Store, study: Study, *, now: float) -> Study:
    """End a study because its user says so, whatever else it is. Raises as `annotate`."""
    said = "completed by its user"
    condition = Condition(status=StudyStatus.SUCCEEDED, reason=StudyReason.COMPLETED, message=said, since=now)
    return store.commit(_unowned(study), Changes(condition=condition), now=now).study


def _unowned(study: Study) -> Lease:
    """The lease under which anybody writes a study that nobody owns."""
    return Lease(study=study.name, uid=study.uid, owner="", term=study.term)
