"""The study API in this process: what REST, gRPC and the embedded client all call."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from katib.core.study import Study
from katib.errors import AlgorithmUnknown, Fault, InvalidInput
from katib.service.lending import Lender
from katib.service.studies import Opened, Studies
from katib.spec.experiment import API_VERSION, KIND
from katib.spec.prepare import Prepared, prepare
from katib.spec.study import study_config
from katib.stores.contract import Store
from katib.suggestion.contract import SuggestionService


class Desk:
    """Studies that clients run, from their creation to their end. Thread-safe; it owns neither store nor service.

    Attributes:
        studies: looks studies up, stops, extends and deletes them.
        lender: gives out their trials and takes their results.
        now: seconds since the epoch.
    """

    def __init__(
        self, store: Store, suggestions: SuggestionService, *, now: Callable[[], float] = time.time, stock: int = 64
    ) -> None:
        self.store = store
        self.suggestions = suggestions
        self.now = now
        self.studies = Studies(store, now=now)
        self.lender = Lender(store, suggestions, now=now, stock=stock)

    def create(self, name: str, spec: Mapping[str, Any], *, annotations: Mapping[str, str] | None = None) -> Opened:
        """Create a study, or find the same one.

        Args:
            spec: an Experiment's `spec` without a trialTemplate.
            annotations: notes to keep with a new study.

        Raises:
            InvalidInput: with every fault, its path beginning with `spec.`; `metadata.name` is the name.
            AlreadyExists: the name belongs to a study with another specification.
        """
        metadata = {"name": name, **({"annotations": dict(annotations)} if annotations else {})}
        document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": dict(spec)}
        return self.studies.create_for_clients(self._checked(prepare(document, by_clients=True)))

    def study(self, name: str) -> Study:
        """The study of that name. Raises NotFound."""
        return self.store.get_study(name)

    def _checked(self, prepared: Prepared) -> Prepared:
        config = study_config(prepared.experiment, uid="")
        try:
            faults = list(self.suggestions.validate(config))
        except AlgorithmUnknown as error:
            path = "spec.algorithm.algorithmName"
            faults = [Fault(path=path, given=config.algorithm, wanted=error.message, hint=error.hint)]
        if faults:
            raise InvalidInput(faults, what=f"algorithm {config.algorithm!r}")
        return prepared
