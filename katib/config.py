"""Every setting of the engine, with its unit and the reason for its default. One function reads the environment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

ALGORITHM_ENDPOINTS = "KATIB_ALGORITHM_ENDPOINTS"
EARLY_STOPPING_ENDPOINTS = "KATIB_EARLY_STOPPING_ENDPOINTS"


@dataclass(frozen=True, kw_only=True)
class LeaseSettings:
    """Who owns a study.

    Attributes:
        seconds: how long a lease holds. A controller that dies by kill -9 blocks the next one for at most this long on
            another machine; on the same machine the next one sees that the process is gone and does not wait.
        renew_every: seconds; a third of the lease, so that two renewals may fail.
    """

    seconds: float = 15.0
    renew_every: float = 5.0


@dataclass(frozen=True, kw_only=True)
class ControllerSettings:
    """How the controller watches a study.

    Attributes:
        wish_poll: seconds between looks at what users wish; the design promises that wishes act within a second.
        patience: seconds after a run's end in which its last metrics may arrive, before "metric not found".
        stock: answers to keep ahead of need for algorithms that do not learn; asking for many at a time is what makes
            no-op trials cheap. 64 answers are a few kilobytes.
        first_error_delay, longest_error_delay: seconds before a failed pass is tried again; doubled each time.
        progress_every: seconds between refreshed progress lines.
    """

    wish_poll: float = 0.5
    patience: float = 30.0
    stock: int = 64
    first_error_delay: float = 0.1
    longest_error_delay: float = 10.0
    progress_every: float = 0.25


@dataclass(frozen=True, kw_only=True)
class SuggestionSettings:
    """How algorithms are asked.

    Attributes:
        deadline: seconds for one answer, the start of a worker included. Katib's controller waits as long.
        workers: worker processes at most, started as studies need them. A study stays with one worker; a second one
            keeps an algorithm that hangs from delaying the other studies.
        rest: seconds in which a study is answered by the fallback at once after its algorithm failed, so that one that
            always hangs costs at most half of the time.
        extra: algorithms beside the installed ones, as name -> "module:Class".
        endpoints: algorithms of servers of Katib's Suggestion API, as name -> "host:port"; before the installed ones.
        connect: seconds in which a server that cannot be reached is tried again before the fallback answers. A pod
            that is replaced is back by then, one that is gone should not hold up the study.
    """

    deadline: float = 60.0
    workers: int = 2
    rest: float = 60.0
    extra: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    connect: float = 10.0


@dataclass(frozen=True, kw_only=True)
class EarlyStoppingSettings:
    """How early stopping at an endpoint is asked for rules. Trials run on meanwhile, whatever it takes.

    Attributes:
        endpoints: servers of Katib's EarlyStopping API, as name -> "host:port"; before what is installed.
        deadline: seconds for one answer; Katib's controller waits as long.
        connect: seconds in which a server that cannot be reached is tried again. The next trial that ends is another
            occasion.
        first: seconds that the start of a study waits for the first rules, so that its first trials have them. A
            server that is there answers in a fraction; for one that hangs nobody should wait.
    """

    endpoints: Mapping[str, str] = field(default_factory=dict)
    deadline: float = 60.0
    connect: float = 3.0
    first: float = 3.0


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How algorithms are served to others.

    Attributes:
        host, port: where to listen; port 0 takes a free one. Nothing is encrypted and nobody is asked who they are, so
            other machines reach it only when that is asked for.
        workers: worker processes at most, for algorithms that learn; each holds 100 MB and more.
        quick_workers: worker processes at most, for algorithms that look at no results.
        deadline: seconds for one answer; Katib's controller gives up after 60.
        threads: requests at the same time, the waiting ones included.
        grace: seconds for open requests when it is stopped; Kubernetes kills a pod after 30.
    """

    host: str = "127.0.0.1"
    port: int = 6789
    workers: int = 4
    quick_workers: int = 2
    deadline: float = 50.0
    threads: int = 64
    grace: float = 25.0


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """How the study API is served.

    Attributes:
        host, port: where HTTP listens; port 0 takes a free one.
        grpc_port: where gRPC listens, on the same host.
        grace: seconds for open requests when it is stopped; Kubernetes kills a pod after 30.
        threads: requests that may work at the same time; others wait. Most of that time is spent waiting for the store.
        largest_request: bytes of a request's body: a hundred thousand measurements are 6 MB.
        token_seconds: how long a token that was looked up is taken for valid: a revoked one works for as long.
        tls_cert, tls_key: files in PEM; empty for no encryption.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    grpc_port: int = 6789
    grace: float = 25.0
    threads: int = 128
    largest_request: int = 16 * 2**20
    token_seconds: float = 5.0
    tls_cert: str = ""
    tls_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything. `from_environment` is the only reader of the environment."""

    lease: LeaseSettings = field(default_factory=LeaseSettings)
    controller: ControllerSettings = field(default_factory=ControllerSettings)
    suggestion: SuggestionSettings = field(default_factory=SuggestionSettings)
    early_stopping: EarlyStoppingSettings = field(default_factory=EarlyStoppingSettings)
    store: str = ""
    """Where the store is: a path or URL; empty means ./katib.db."""


def from_environment(environ: Mapping[str, str]) -> Settings:
    """The settings that the environment asks for.

    KATIB_DB names the store. KATIB_ALGORITHM_ENDPOINTS names servers of algorithms: `name=host:port`, more after a
    comma; KATIB_EARLY_STOPPING_ENDPOINTS those of early stopping.
    """
    algorithms = read_endpoints(environ.get(ALGORITHM_ENDPOINTS, "").split(","))
    stopping = read_endpoints(environ.get(EARLY_STOPPING_ENDPOINTS, "").split(","))
    return Settings(
        store=environ.get("KATIB_DB", ""),
        suggestion=SuggestionSettings(endpoints=algorithms),
        early_stopping=EarlyStoppingSettings(endpoints=stopping),
    )


def read_endpoints(words: Iterable[str]) -> dict[str, str]:
    """`name=host:port` words, read; whether each is one is checked where they are used."""
    pairs = (word.strip().partition("=") for word in words if word.strip())
    return {name.strip(): endpoint.strip() for name, _, endpoint in pairs}


def endpoint_variables(settings: Settings) -> dict[str, str]:
    """The variables of the environment that name the same endpoints."""
    both = {
        ALGORITHM_ENDPOINTS: settings.suggestion.endpoints,
        EARLY_STOPPING_ENDPOINTS: settings.early_stopping.endpoints,
    }
    return {
        variable: ",".join(f"{name}={endpoint}" for name, endpoint in endpoints.items())
        for variable, endpoints in both.items()
    }
