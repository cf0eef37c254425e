"""Run the training yourself: ask for parameters, report what they led to.

    python tune.py                      # no server: the study is in ./katib.db
    KATIB_ENDPOINT=http://127.0.0.1:8080 python tune.py worker-2      # with `katib server`, from any number of machines

Every worker creates the study; the first one does, the others find it. One that is started again under the same name
gets back the trial that it was running.
"""

import math
import sys

from katib.client import Client


def losses(lr: float, momentum: float) -> list[float]:
    """Gradient descent with momentum on a valley; the loss after each tenth of 50 steps."""
    x, y, dx, dy, told = -1.0, 1.5, 0.0, 0.0, []
    for step in range(1, 51):
        dx = momentum * dx - lr * 2 * x
        dy = momentum * dy - lr * 40 * y
        x, y = x + dx, y + dy
        if step % 10 == 0:
            told.append(x * x + 20 * y * y)
    return told


def main() -> None:
    worker = sys.argv[1] if len(sys.argv) > 1 else "worker-1"
    with Client() as client:
        study = client.create_study(
            "valley",
            parameters={"lr": "log:1e-4:0.1", "momentum": "float:0:0.99"},
            minimize="loss",
            algorithm="tpe",
            max_trials=25,
        )
        for trial in study.trials(worker):
            # Leaving this block by an exception would end the trial as failed.
            with trial:
                loss = math.inf
                for epoch, loss in enumerate(losses(**trial.parameters), start=1):
                    trial.report(loss=loss, step=epoch)
                    if trial.should_stop():
                        break
                trial.complete(loss=loss)
        print(study.best())


if __name__ == "__main__":
    main()
