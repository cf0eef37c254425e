"""Is an algorithm's answer one, and can it be asked at all? Checked before anything is made of it."""

import operator
from collections.abc import Sequence

from katib.core.advice import PARENT_LABEL, Abilities, Advice, AdviceReply
from katib.core.space import Assignment, Parameter, ParameterType, SearchSpace, Value
from katib.core.stopping import StoppingAbilities
from katib.core.study import StudyConfig
from katib.core.trial import Trial
from katib.errors import AlgorithmFailed, Fault, cut


def condition_faults(config: StudyConfig, abilities: Abilities) -> tuple[Fault, ...]:
    """A fault for each parameter with a condition when the study's algorithm cannot do with any."""
    if abilities.conditional:
        return ()
    return tuple(
        Fault(
            path=f"spec.parameters[{position}].condition",
            given=f"{parameter.name} depends on {parameter.condition.parameter}",
            wanted=f"no condition: algorithm {config.algorithm} cannot search parameters that are not always active",
            hint="use an algorithm that can, such as tpe or random",
        )
        for position, parameter in enumerate(config.space.parameters)
        if parameter.condition is not None
    )


def objective_faults(config: StudyConfig, abilities: Abilities, others: Sequence[str] = ()) -> tuple[Fault, ...]:
    """A fault when the study has several objectives and its algorithm takes one. `others`: algorithms that take them.

    Such an algorithm would not fail: it would look at the first objective, and nobody would be told.
    """
    if abilities.several_objectives or not config.further_objectives:
        return ()
    return (
        Fault(
            path="spec.objectives",
            given=", ".join(objective.metric for objective in config.objectives),
            wanted=f"one objective: algorithm {config.algorithm} cannot search for several at once",
            hint=f"algorithms that can: {', '.join(others)}" if others else "`katib algorithms` tells which can",
        ),
    )


def stopping_faults(config: StudyConfig, abilities: StoppingAbilities, others: Sequence[str]) -> tuple[Fault, ...]:
    """A fault when a study has several objectives and its early stopping looks at one. `others`: which do not."""
    if abilities.several_objectives or not config.further_objectives:
        return ()
    number = len(config.objectives)
    return (
        Fault(
            path="spec.earlyStopping.algorithmName",
            given=config.algorithm,
            wanted=f"one that takes {number} objectives: a trial that is behind in one may lead in another",
            hint=f"early stopping that takes several: {', '.join(others)}",
        ),
    )


def combination_faults(config: StudyConfig, abilities: Abilities) -> tuple[Fault, ...]:
    """Katib's fault for a grid that has fewer points than the study has trials. Here the study just ends earlier."""
    size, most = config.space.size, config.budget.max_trials
    if not abilities.finite_only or size is None or most is None or most <= size:
        return ()
    wanted = f"Max Trial Count: {most} > all possible search combinations: {size}"
    return (
        Fault(path="spec.maxTrialCount", given=str(most), wanted=wanted, hint=f"give {size} or less", verbatim=True),
    )


def grid_note(config: StudyConfig, abilities: Abilities) -> str:
    """How many points there are to go through, for an algorithm that goes through all; empty for any other."""
    size, most = config.space.size, config.budget.max_trials
    if not abilities.finite_only or size is None:
        return ""
    points = "1 point" if size == 1 else f"{size:,} points"
    if most is None:
        return f"the grid has {points}"
    if most > size:
        return f"the grid has {points}: the study ends with the last of them, before maxTrialCount {most:,}"
    return f"the grid has {points}, and maxTrialCount is {most:,}" if most < size else f"the grid has {points}"


def checked(config: StudyConfig, trials: Sequence[Trial], ordinals: Sequence[int], reply: object) -> AdviceReply:
    """The reply with plain values (numpy's numbers become Python's) and its parameters in the order of the space.

    Raises AlgorithmFailed, saying what is wrong with it.
    """
    if not isinstance(reply, AdviceReply):
        raise _nonsense(config, f"an AdviceReply was expected, got {reply!r}")
    answered = tuple(each.ordinal for each in reply.advice)
    if answered != tuple(ordinals[: len(answered)]):
        raise _nonsense(config, f"it was asked for ordinals {list(ordinals)} and answered for {list(answered)}")
    if not answered and ordinals and not reply.exhausted:
        raise _nonsense(config, "it answered nothing, and did not say that it is exhausted")
    _check_parents(config, trials, reply.advice)
    return AdviceReply(
        advice=tuple(_advice(config, each) for each in reply.advice),
        exhausted=str(reply.exhausted),
        overrides={str(name): str(value) for name, value in reply.overrides.items()},
    )


def _check_parents(config: StudyConfig, trials: Sequence[Trial], advice: Sequence[Advice]) -> None:
    """What is to be continued must be over: its checkpoint is copied."""
    parents = {each.labels[PARENT_LABEL]: each.ordinal for each in advice if PARENT_LABEL in each.labels}
    if not parents:
        return
    over = {trial.name for trial in trials if trial.finished}
    for parent, ordinal in parents.items():
        if parent not in over:
            said = f"for trial {ordinal} it wants to continue {parent!r}, which is no finished trial of the study"
            raise _nonsense(config, said)


def _advice(config: StudyConfig, advice: Advice) -> Advice:
    try:
        assignment = _plain(config.space, advice.assignment)
    except (TypeError, ValueError) as error:
        said = f"for trial {advice.ordinal} it suggested {dict(advice.assignment)!r}: {error}"
        raise _nonsense(config, said) from error
    labels = {str(name): str(value) for name, value in advice.labels.items()}
    return Advice(ordinal=advice.ordinal, assignment=assignment, labels=labels)


def _plain(space: SearchSpace, assignment: Assignment) -> dict[str, Value]:
    unknown = assignment.keys() - space.names
    given = {each: _value(each, assignment[each.name]) for each in space.parameters if each.name in assignment}
    plain = {parameter.name: value for parameter, value in given.items()}
    active = [parameter.name for parameter in space.active(plain)]
    if unknown or list(plain) != active:
        raise ValueError(f"its parameters are not {', '.join(active)}")
    for parameter, value in given.items():
        if not parameter.contains(value):
            raise ValueError(f"{parameter.name} may not be {value!r}")
    return plain


def _value(parameter: Parameter, value: Value) -> Value:
    if parameter.type is ParameterType.INT:
        return operator.index(value)  # type: ignore[arg-type]  # it raises TypeError for what is no integer
    if parameter.type is ParameterType.DOUBLE:
        if isinstance(value, str):
            raise TypeError(f"{parameter.name} is a number, got the text {value!r}")
        return float(value)
    if not isinstance(value, str):
        raise TypeError(f"{parameter.name} is one of the texts of its list, got {value!r}")
    return str(value)


def _nonsense(config: StudyConfig, said: str) -> AlgorithmFailed:
    what = f"algorithm {config.algorithm!r} gave an answer that cannot be used"
    return AlgorithmFailed(f"{what}: {cut(said)}", why="nonsense")
