"""An early stopping algorithm that gives rules in Katib's form, without any base class."""

from katib.core.stopping import Comparison, StoppingAbilities, StopRule
from katib.errors import Fault


class Worst:
    """Stops a trial whose second value is worse than the worst that any trial had in the end."""

    abilities = StoppingAbilities(live=False)
    settings = ()

    def __init__(self, config):
        self.metric = config.objective.metric

    @classmethod
    def validate(cls, config):
        return [
            Fault(
                path=f"spec.earlyStopping.algorithmSettings.{name}",
                wanted=f"unknown setting {name} for algorithm {config.algorithm}",
            )
            for name in config.settings
        ]

    def rules(self, trials, record):
        values = [trial.value for trial in trials if trial.value is not None]
        if not values:
            return []
        return [StopRule(name=self.metric, value=max(values), comparison=Comparison.GREATER, start_step=2)]
