"""The runner of a study: processes of this machine, or Jobs of the cluster that its record names."""

from pathlib import Path

from katib.core.study import Study
from katib.runners.contract import TrialRunner
from katib.runners.local import LocalRunner
from katib.service.studies import cluster_of, workdir_of


def open_runner(study: Study) -> TrialRunner:
    """The runner. Raises InvalidInput when there is no such cluster."""
    place = cluster_of(study.effective)
    if place is None:
        return LocalRunner(Path(study.run_dir), cwd=workdir_of(study))
    # The client of the API is slow to load, and most studies have no use for it.
    from katib.runners.kubernetes import KubernetesRunner, connect
    from katib.runners.kubernetes.running import RunsAs

    return KubernetesRunner(
        connect(place.context, place.namespace),
        study=study.name,
        uid=study.uid,
        run_dir=Path(study.run_dir),
        runs_as=RunsAs.of(study.effective),
    )
