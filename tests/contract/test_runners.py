from pathlib import Path

from katib.runners.contract import TrialRunner
from katib.runners.local import LocalRunner
from katib.testing.runners import RunnerSuite


class TestLocalRunner(RunnerSuite):
    def make_runner(self, place: Path) -> TrialRunner:
        return LocalRunner(place / "run")
