"""Vizier's resource names: what is written is what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib.errors import InvalidInput
from katib.rpc.convert.vizier import names

PARTS = st.text(st.characters(exclude_characters="/", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


@given(owner=PARTS, study=PARTS, client=PARTS, ordinals=st.sets(st.integers(1, 40), max_size=20))
def test_names_are_read_as_they_were_written(owner: str, study: str, client: str, ordinals: set[int]) -> None:
    ours = f"{owner}/{study}"
    assert names.read_study(names.study_name(ours)) == ours
    assert names.read_trial(names.trial_name(ours, 7)) == (ours, 7)
    read = names.read_operation(names.operation_name(ours, client, sorted(ordinals)))
    assert (read.study, read.client, read.ordinals) == (ours, client, tuple(sorted(ordinals)))


def test_an_operation_names_runs_of_trials() -> None:
    assert names.operation_name("me/s", "c", [9, 3, 4, 5, 7, 8]) == "owners/me/operations/suggestion/s/c/3-5_7-9"
    assert names.operation_name("me/s", "c", []) == "owners/me/operations/suggestion/s/c/0"


@pytest.mark.parametrize("text", ["", "owners/", "owners/a/studies/", "owners/a/studies/b/c", "studies/a"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="owners/OWNER"):
        names.read_study(text)
