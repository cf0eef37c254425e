"""Classify handwritten digits by a small forest, and print how often it is right and how many nodes its trees have."""

import argparse

from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, required=True)
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--features", type=float, required=True, help="the share that a split may choose from")
    args = parser.parse_args()

    images, digits = load_digits(return_X_y=True)
    split = train_test_split(images, digits, test_size=0.5, random_state=0)
    train_images, test_images, train_digits, test_digits = split
    forest = RandomForestClassifier(
        n_estimators=args.trees, max_depth=args.depth, max_features=args.features, random_state=0
    )
    forest.fit(train_images, train_digits)
    print(f"accuracy={forest.score(test_images, test_digits):.4f}")
    print(f"nodes={sum(tree.tree_.node_count for tree in forest.estimators_)}")


if __name__ == "__main__":
    main()
