"""Every name the engine makes, in one place."""

import hashlib
import re

TRIAL_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels (no words), no digits that look like letters: the alphabet of Katib's and Kubernetes' own suffixes."""

SUFFIX_LENGTH = 8
STUDY_NAME_LIMIT = 40
STUDY_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def trial_name(study_name: str, study_uid: str, ordinal: int) -> str:
    """The name of trial `ordinal`: the study's name and eight letters that look random but are not.

    The same (uid, ordinal) always gives the same name, so creating a trial twice creates it once. What is before a `/`
    in the study's name, as the namespace of a cluster's Experiment, is left out: it is no part of an object's name.
    """
    number = int.from_bytes(hashlib.sha256(f"{study_uid}/{ordinal}".encode()).digest()[:16])
    letters = []
    for _ in range(SUFFIX_LENGTH):
        number, index = divmod(number, len(TRIAL_ALPHABET))
        letters.append(TRIAL_ALPHABET[index])
    return f"{study_name.rpartition('/')[2]}-{''.join(letters)}"
