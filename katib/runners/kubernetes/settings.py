"""The Kubernetes runner's settings, with their units and the reason for each default."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KubernetesSettings:
    """How trials are watched on a cluster.

    Attributes:
        poll: seconds between looks at what running trials printed; what they print comes by itself.
        patience: seconds for one answer of the API server.
        silence: seconds without a line after which the connection to a log is made anew: it may be dead.
        retry, longest_retry: seconds before something that the cluster refused or could not do is tried again; doubled
            each time up to the second. A quota, a webhook or a right may be mended meanwhile.
        last_log: seconds that the log of a container which has ended may take to be read: a node may be slow.
        ask_again: seconds between two looks at what a collector says at its end.
        settle: seconds to wait for the Job's condition that says why its pod was deleted.
        threads: requests at the same time that create and delete Jobs.
        follow_logs: whether what primary containers print is copied to the study's folder. Where no collector is beside
            them their metrics are read from it: then it is copied whatever this says.
        tail_lines, tail_bytes: how much of a log is shown with a run that is over: enough for a traceback's end.
    """

    poll: float = 0.2
    patience: float = 10.0
    silence: float = 300.0
    retry: float = 1.0
    longest_retry: float = 20.0
    last_log: float = 60.0
    ask_again: float = 0.5
    settle: float = 10.0
    threads: int = 4
    follow_logs: bool = True
    tail_lines: int = 20
    tail_bytes: int = 4096
