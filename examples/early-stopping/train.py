"""Fits a line by gradient descent, and prints the loss of each epoch.

A step that is too large or too small shows within a few epochs: such trials need not run to their end.
"""

import argparse
import time

POINTS = [(x / 10, 3 * x / 10 - 1) for x in range(-10, 11)]
"""On the line y = 3x - 1."""

parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float, required=True)
parser.add_argument("--momentum", type=float, required=True)
parser.add_argument("--epochs", type=int, default=60)
arguments = parser.parse_args()

slope = offset = slope_speed = offset_speed = 0.0
for _epoch in range(arguments.epochs):
    errors = [(slope * x + offset - y, x) for x, y in POINTS]
    slope_speed = arguments.momentum * slope_speed - arguments.learning_rate * sum(e * x for e, x in errors) / len(
        POINTS
    )
    offset_speed = arguments.momentum * offset_speed - arguments.learning_rate * sum(e for e, _ in errors) / len(POINTS)
    slope, offset = slope + slope_speed, offset + offset_speed
    print(f"loss={sum(e * e for e, _ in errors) / len(POINTS):.6f}", flush=True)
    # An epoch of a real model takes its time.
    time.sleep(0.05)
