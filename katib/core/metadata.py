"""What clients keep with a study and its trials."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class MetadataItem:
    """Something that a client keeps with a study or a trial. It means nothing to the engine.

    Attributes:
        namespace, key: which item of the study or trial.
        value: a text or bytes; either comes back as it went in.
        ordinal: the trial's; 0 for an item of the study itself.
    """

    namespace: str
    key: str
    value: str | bytes
    ordinal: int = 0
