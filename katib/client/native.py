"""katib's own Python client: studies whose trials you run yourself."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Unpack

from katib.client import places
from katib.client.calls import Call, Desk
from katib.client.given import name_of, parameters_of, whole
from katib.client.outbox import PATIENCE, Outbox
from katib.client.remote import RemoteDesk
from katib.client.study import Limits, Study, pages, spec_of
from katib.client.trial import Trial, Value
from katib.errors import Fault, InvalidInput

Space = str | Sequence[Value]
"""A parameter: a list of values, or one of float:LO:HI[:STEP], log:LO:HI, int:LO:HI[:STEP], logint:LO:HI, with
@OTHER=VALUE,… behind it where it depends on another one.
"""


class Client:
    """Studies whose trials you run yourself. A context manager; thread-safe.

    Args:
        endpoint: a server's address, `http://host:port`; else what KATIB_ENDPOINT names; else no server: the studies
            are in the store that KATIB_DB names, or katib.db in this folder.
        token: what a server with authentication asks for; else KATIB_TOKEN.
        store: a path or URL of a store; given, no server is asked.
        patience: seconds in which a server that went away is waited for.
        heartbeat: keep the trials that are run here, though nothing is reported of them. Without, one that hangs is
            handed out again when its lease is over.
        desk: who answers instead, for tests.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        token: str | None = None,
        store: str | None = None,
        patience: float = PATIENCE,
        heartbeat: bool = True,
        desk: Desk | None = None,
    ) -> None:
        self.endpoint = None if store or desk else places.address(endpoint)
        if desk is None:
            desk = (
                RemoteDesk(self.endpoint, token=places.token(token)) if self.endpoint else places.embedded_calls(store)
            )
        self._outbox = Outbox(desk, patience=patience, heartbeat=heartbeat)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def create_study(
        self,
        name: str,
        *,
        parameters: Mapping[str, Space] | Sequence[Mapping[str, Any]],
        minimize: str | None = None,
        maximize: str | None = None,
        objectives: Mapping[str, str] | None = None,
        goal: float | Mapping[str, float] | None = None,
        algorithm: str | None = None,
        settings: Mapping[str, Any] | None = None,
        early_stopping: str | Mapping[str, Any] | None = None,
        replicates: int | None = None,
        **budget: Unpack[Limits],
    ) -> Study:
        """Create a study, or find the same one: every worker may call it.

        Args:
            parameters: name -> what it may be, see Space; or a list as in an Experiment's `spec.parameters`.
            minimize, maximize: the metric that is the objective; one of the two, or
            objectives: several, metric -> minimize or maximize.
            goal: end the study when the objective reaches this; of several, metric -> value: when one trial reaches all
                that are given.
            algorithm: `katib algorithms` lists them; by default one that fits.
            settings: the algorithm's.
            early_stopping: NAME or NAME:key=value,key=value; or as in an Experiment's `spec.earlyStopping`.
            replicates: trials of each point that is suggested, for results with noise; the algorithm learns from the
                mean.
            budget: see `Limits`: `max_trials=30`, `max_seconds=3600` …

        Raises:
            InvalidInput: with every fault.
            AlreadyExists: there is another study of that name.
        """
        limits = spec_of(budget, "create_study")
        spec: dict[str, Any] = {
            **_objective(minimize, maximize, objectives, goal),
            "parameters": parameters_of(parameters, what="create_study"),
        }
        if algorithm is not None:
            pairs = [{"name": key, "value": str(value)} for key, value in (settings or {}).items()]
            spec["algorithm"] = {"algorithmName": algorithm, **({"algorithmSettings": pairs} if pairs else {})}
        more = {
            "earlyStopping": early_stopping,
            "replicates": replicates,
            **limits,
        }
        spec |= {key: value for key, value in more.items() if value is not None}
        shown = self._outbox.call(Call(operation="create_study", body={"name": name, "spec": spec}))
        return Study(self._outbox, shown)

    def get_study(self, name: str) -> Study:
        """The study of that name. Raises NotFound."""
        call = Call(operation="get_study", study=name_of(name, what="get_study"))
        return Study(self._outbox, self._outbox.call(call))

    def get_trial(self, study: str, number: int) -> Trial:
        """Trial 1, 2, 3 … of a study by its name; all that one needs, and may do, with the token of that trial.

        Raises NotFound.
        """
        ordinal = whole(number, "number", least=1, what="get_trial")
        shown = self._outbox.call(Call(operation="get_trial", study=name_of(study, what="get_trial"), ordinal=ordinal))
        return Trial(self._outbox, study, shown, client=shown.get("client"))

    def list_studies(self) -> list[Study]:
        """All studies, oldest first."""
        return [Study(self._outbox, shown) for shown in pages(self._outbox, Call(operation="list_studies"), "studies")]

    def flush(self) -> None:
        """Send the reports that are kept while the server is away. Raises ServerUnavailable."""
        self._outbox.flush()

    def close(self) -> None:
        """Send what is kept, and let go of the server or the store. Raises ServerUnavailable."""
        self._outbox.close()


def _objective(
    minimize: str | None,
    maximize: str | None,
    objectives: Mapping[str, str] | None,
    goal: float | Mapping[str, float] | None,
) -> dict[str, Any]:
    given = dict(objectives or {})
    if minimize is not None:
        given[minimize] = "minimize"
    if maximize is not None:
        given[maximize] = "maximize"
    names = ", ".join(given)
    faults = [] if given else [Fault(path="objective", wanted="minimize=, maximize= or objectives=")]
    if isinstance(goal, Mapping):
        goals = dict(goal)
        faults += [
            Fault(path="goal", given=each, wanted=f"an objective: {names}") for each in goals if each not in given
        ]
    else:
        goals = {} if goal is None else dict.fromkeys(given, goal)
        if len(goals) > 1:
            faults.append(
                Fault(
                    path="goal", given=str(goal), wanted=f"a value for each that has one: {{METRIC: value}}, of {names}"
                )
            )
    if faults:
        raise InvalidInput(faults, what="create_study")
    listed = [
        {"objectiveMetricName": name, "type": direction, **({"goal": goals[name]} if name in goals else {})}
        for name, direction in given.items()
    ]
    return {"objectives": listed} if len(listed) > 1 else {"objective": listed[0]}
