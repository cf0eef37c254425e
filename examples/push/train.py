"""Walk down the Rosenbrock valley with momentum, and report the height every fifty steps.

`katib.report` hands a value straight to whoever runs the trial: nothing is printed, nothing is parsed. Outside a trial
it does nothing. Too large a rate throws the walker out of the valley and the height becomes nan; such a trial never
counts as the best.
"""

import argparse

import katib


def height(x: float, y: float) -> float:
    across, along = y - x * x, 1 - x
    return along * along + 100 * across * across


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--momentum", type=float, required=True)
    args = parser.parse_args()
    x, y, drift_x, drift_y = -1.2, 1.0, 0.0, 0.0
    for step in range(1, 501):
        across = y - x * x
        drift_x = args.momentum * drift_x + args.rate * (2 * (1 - x) + 400 * x * across)
        drift_y = args.momentum * drift_y - args.rate * 200 * across
        x, y = x + drift_x, y + drift_y
        if step % 50 == 0:
            katib.report(height=height(x, y), step=step)


if __name__ == "__main__":
    main()
