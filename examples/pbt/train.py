"""Train a model for a few epochs more, from the checkpoint that katib hands over.

The model is a cubic polynomial, fitted to a sine by stochastic gradient descent with momentum: small enough to read,
and like any other in that a high learning rate is right in the beginning and a low one in the end.
"""

import argparse
import json
import math
import random
from pathlib import Path

import katib

POINTS = [(x / 50 - 1, math.sin(3 * (x / 50 - 1))) for x in range(101)]


def loss(weights: list[float]) -> float:
    return sum((predict(weights, x) - y) ** 2 for x, y in POINTS) / len(POINTS)


def predict(weights: list[float], x: float) -> float:
    return sum(weight * x**power for power, weight in enumerate(weights))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--momentum", type=float, required=True)
    parser.add_argument("--epochs", type=int, default=5, help="to train now, in addition to what was trained before")
    args = parser.parse_args()

    # Without katib, or with an algorithm whose trials do not continue others, it starts from nothing each time.
    folder = katib.checkpoint_dir() or Path()
    checkpoint = folder / "state.json"
    state = {"epoch": 0, "weights": [0.0] * 4, "velocity": [0.0] * 4}
    if checkpoint.exists():
        state = json.loads(checkpoint.read_text())
        print(f"goes on after epoch {state['epoch']}")

    for _ in range(args.epochs):
        state["epoch"] += 1
        rng = random.Random(state["epoch"])
        for x, y in rng.sample(POINTS, len(POINTS)):
            error = predict(state["weights"], x) - y + rng.gauss(0, 0.3)
            for power in range(4):
                gradient = 2 * error * x**power
                state["velocity"][power] = args.momentum * state["velocity"][power] - args.learning_rate * gradient
                state["weights"][power] += state["velocity"][power]
        print(f"epoch={state['epoch']} loss={loss(state['weights']):.6f}")

    # Under another name first: a checkpoint is whole, or it is not there.
    written = checkpoint.with_suffix(".new")
    written.write_text(json.dumps(state))
    written.replace(checkpoint)


if __name__ == "__main__":
    main()
