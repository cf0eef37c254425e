"""Classify handwritten digits by nearest neighbours or by a small forest; each kind of model has parameters of its own.

A parameter that the chosen model does not have is not given at all, and the parser refuses one that does not belong.
"""

import argparse

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier


def model(words: list[str] | None = None) -> KNeighborsClassifier | RandomForestClassifier:
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="model", required=True)
    neighbours = kinds.add_parser("neighbours")
    neighbours.add_argument("--count", type=int, required=True)
    neighbours.add_argument("--weights", choices=["uniform", "distance"], required=True)
    forest = kinds.add_parser("forest")
    forest.add_argument("--trees", type=int, required=True)
    forest.add_argument("--depth", type=int, required=True)
    args = parser.parse_args(words)
    if args.model == "neighbours":
        return KNeighborsClassifier(n_neighbors=args.count, weights=args.weights)
    return RandomForestClassifier(n_estimators=args.trees, max_depth=args.depth, random_state=0)


def main() -> None:
    chosen = model()
    images, digits = load_digits(return_X_y=True)
    split = train_test_split(images, digits, test_size=0.5, random_state=0)
    train_images, test_images, train_digits, test_digits = split
    chosen.fit(train_images, train_digits)
    print(f"accuracy={chosen.score(test_images, test_digits):.4f}")


if __name__ == "__main__":
    main()
