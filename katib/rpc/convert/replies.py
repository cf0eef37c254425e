"""Answers: GetSuggestionsReply <-> AdviceReply, and what a server says of its algorithms."""

from collections.abc import Iterable
from dataclasses import fields

from katib.core.advice import Abilities, AdviceReply, Setting
from katib.rpc import api
from katib.rpc.convert.space import write_assignment

_SETTING = tuple(field.name for field in fields(Setting))


def write_reply(reply: AdviceReply, algorithm: str) -> api.GetSuggestionsReply:
    """The message of an answer. Katib gives each trial a name of its own."""
    message = api.GetSuggestionsReply(
        parameter_assignments=[
            api.GetSuggestionsReply.ParameterAssignments(
                assignments=write_assignment(advice.assignment), labels=advice.labels
            )
            for advice in reply.advice
        ],
        exhausted=reply.exhausted,
        failure=reply.failure,
    )
    if reply.overrides:
        message.algorithm.algorithm_name = algorithm
        message.algorithm.algorithm_settings.extend(
            api.AlgorithmSetting(name=name, value=value) for name, value in reply.overrides.items()
        )
    return message


def write_description(abilities: Abilities, settings: Iterable[Setting]) -> api.DescribeAlgorithmReply:
    """What an algorithm can do and takes."""
    return api.DescribeAlgorithmReply(
        abilities=[field.name for field in fields(abilities) if getattr(abilities, field.name) is True],
        settings=[api.SettingDescription(**{name: getattr(each, name) for name in _SETTING}) for each in settings],
    )


def read_description(message: api.DescribeAlgorithmReply) -> tuple[Abilities, tuple[Setting, ...]]:
    """The same from its message; an ability that is not known here is left out."""
    abilities = Abilities(**{field.name: field.name in message.abilities for field in fields(Abilities)})
    settings = tuple(
        Setting(
            name=each.name,
            accepts=each.accepts,
            default=each.default,
            what=each.what,
            type=each.type,
            choices=tuple(each.choices),
        )
        for each in message.settings
    )
    return abilities, settings
