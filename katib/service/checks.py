"""Checks of a specification that only a service can make."""

from katib.errors import AlgorithmUnknown, Fault, InvalidInput
from katib.spec.prepare import Prepared
from katib.spec.study import stopping_config
from katib.suggestion.early_stopping.contract import EarlyStopping

STOPPING_NAME = "spec.earlyStopping.algorithmName"


def check_early_stopping(prepared: Prepared, stopping: EarlyStopping, *, by_clients: bool = False) -> None:
    """Raises InvalidInput when the early stopping that a specification asks for is not there, or is not set right.

    Args:
        by_clients: clients run the trials, so only an algorithm that judges reports itself can be used.
    """
    config = stopping_config(prepared.experiment, uid="")
    if config is None:
        return
    try:
        faults = stopping.validate(config)
        if by_clients and not faults and not stopping.abilities(config.algorithm).live:
            wanted = "an algorithm that judges each report, such as medianstop: clients run this study's trials"
            faults = (Fault(path=STOPPING_NAME, given=config.algorithm, wanted=wanted),)
    except AlgorithmUnknown as error:
        faults = (Fault(path=STOPPING_NAME, given=config.algorithm, wanted=error.message, hint=error.hint),)
    if faults:
        raise InvalidInput(faults, what=f"early stopping {config.algorithm!r}")
