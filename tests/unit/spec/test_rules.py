"""Every rule at its edge: what is just refused, with its path, and what is just not."""

import pytest

from katib.errors import InvalidInput
from katib.spec.prepare import prepare
from katib.spec.rules import RULES
from katib.spec.rules.table import by_type
from katib.testing.edges import ACCEPTED, REFUSED, SIZE, several
from katib.testing.experiments import GONE, experiment_document


def faults_of(document):
    with pytest.raises(InvalidInput) as caught:
        prepare(document)
    return caught.value.faults


@pytest.mark.parametrize(("rule", "changes", "paths"), REFUSED)
def test_refused(rule, changes, paths):
    faults = faults_of(experiment_document(changes))
    assert [path for path in paths if path not in [fault.path for fault in faults]] == []
    assert all(fault.wanted for fault in faults)


@pytest.mark.parametrize("given", [{"loss": "minimize"}, "loss", 3])
def test_objectives_that_are_no_list_are_one_fault(given):
    """Nothing is said about `objective` being absent: the user knows what was meant."""
    faults = faults_of(experiment_document({"spec.objective": GONE, "spec.objectives": given}))
    assert [(fault.path, fault.wanted) for fault in faults] == [
        ("spec.objectives", "a list (lines that begin with `-`)")
    ]


def test_all_faults_of_several_objectives_are_told_at_once():
    faults = faults_of(
        experiment_document(
            several({"type": "minimize"}, {**SIZE, "additionalMetricNames": ["size"], "goals": 1}, SIZE)
        )
    )
    assert {fault.path for fault in faults} == {
        "spec.objectives[0].objectiveMetricName",
        "spec.objectives[1].goals",
        "spec.objectives[1].additionalMetricNames[0]",
        "spec.objectives[2].objectiveMetricName",
    }


@pytest.mark.parametrize(("rule", "changes"), ACCEPTED)
def test_accepted(rule, changes):
    prepare(experiment_document(changes))


def test_every_rule_that_looks_at_a_file_is_in_the_table():
    tested = {rule for rule, _changes, _paths in REFUSED}
    assert {rule.id for rule in RULES if rule.check is not None} == tested
    assert {rule for rule, _changes in ACCEPTED} <= tested


def test_rules_have_distinct_ids_and_cover_katibs():
    assert len({rule.id for rule in RULES}) == len(RULES)
    # 26 cannot happen: the default distribution fills an empty space, and rule 27 or `list` speaks.
    assert {rule.katib for rule in RULES} - {0} == set(range(1, 36)) - {26}


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.check not in (None, by_type)], ids=lambda rule: rule.id
)
def test_a_rule_finds_what_it_is_named_for(rule):
    """Each check is tested by itself too: another rule must not be what makes the table above pass."""
    from katib.spec import shape
    from katib.spec.defaults import with_defaults

    found = []
    for name, changes, paths in REFUSED:
        if name == rule.id:
            data, _faults = shape.plain(experiment_document(changes))
            experiment, misshapen = shape.parse(data)
            said = {fault.path for fault in [*rule.check(with_defaults(experiment)), *misshapen]}
            found.append(set(paths) <= said)
    assert found
    assert all(found)
