"""Shorten a round trip through random cities by simulated annealing; write its length as JSON lines to a file.

Tuning is not for machine learning only: here the parameters are those of a search. One JSON object per line is easy to
write from any language, and what the program prints stays free for people.
"""

import argparse
import itertools
import json
import math
import random
from pathlib import Path

City = complex


def length(tour: list[City]) -> float:
    return sum(abs(a - b) for a, b in itertools.pairwise([*tour, tour[0]]))


def change(tour: list[City], move: str, rng: random.Random) -> list[City]:
    low, high = sorted(rng.sample(range(len(tour)), 2))
    changed = tour.copy()
    if move == "swap":
        changed[low], changed[high] = changed[high], changed[low]
    else:
        changed[low : high + 1] = reversed(changed[low : high + 1])
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--temperature", type=float, required=True)
    parser.add_argument("--cooling", type=float, required=True)
    parser.add_argument("--move", choices=["swap", "reverse"], required=True)
    parser.add_argument("--metrics", type=Path, required=True, help="the file to write JSON lines to")
    args = parser.parse_args()

    rng = random.Random(0)
    tour = [City(rng.random(), rng.random()) for _ in range(40)]
    temperature, current = args.temperature, length(tour)
    with args.metrics.open("a", buffering=1) as file:
        for step in range(1, 11):
            accepted = 0
            for _ in range(1000):
                tried = change(tour, args.move, rng)
                gain = current - length(tried)
                if gain > 0 or rng.random() < math.exp(gain / temperature):
                    tour, current, accepted = tried, current - gain, accepted + 1
                temperature *= args.cooling
            file.write(json.dumps({"length": f"{current:.4f}", "accepted": str(accepted), "step": step}) + "\n")
            print(f"after {step * 1000} moves the trip is {current:.3f} long")


if __name__ == "__main__":
    main()
