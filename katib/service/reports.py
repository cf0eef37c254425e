"""A study with its best trial and the command that reproduces it: what `run` and `show` print."""

from typing import Any

from katib.core.study import Study
from katib.errors import InvalidInput
from katib.service.reproduce import command_line
from katib.service.views import best_trial, chosen_algorithm, study_view
from katib.stores.contract import Store


def study_report(store: Store, study: Study, *, now: float) -> dict[str, Any]:
    """`study_view` with `command`: a shell line that runs the best trial again; null when there is none; and with
    `algorithm_chosen`, see `chosen_algorithm`.
    """
    best = best_trial(store, study)
    try:
        command = command_line(study, best) if best else None
    except InvalidInput:
        # A template that this machine cannot run (a ConfigMap's, an image's ENTRYPOINT) has no command line.
        command = None
    chosen = chosen_algorithm(store, study)
    return {**study_view(study, best, now=now), "command": command, "algorithm_chosen": chosen}
