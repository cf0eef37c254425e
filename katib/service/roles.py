"""What a token allows."""

from enum import StrEnum


class Role(StrEnum):
    """What a token allows.

    ADMIN: everything. USER: everything but deleting studies; with a study, of that one only. TRIAL: to read one trial
    and report on it.
    """

    ADMIN = "admin"
    USER = "user"
    TRIAL = "trial"
