"""The setting `shadow`, which the engine acts on, whatever the algorithm: record what would be stopped, no more."""

from dataclasses import replace

from katib.core.study import StudyConfig

SHADOW = "shadow"


def is_shadow(config: StudyConfig) -> bool:
    """Whether nothing is to be stopped."""
    return config.settings.get(SHADOW, "false").strip().lower() == "true"


def without_shadow(config: StudyConfig) -> StudyConfig:
    """The configuration as a service is told it that has no such setting, because it is not ours."""
    return replace(config, settings={name: text for name, text in config.settings.items() if name != SHADOW})
