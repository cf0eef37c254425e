"""Train a small neural network on handwritten digits and print its accuracy after each epoch.

An ordinary training script: it knows nothing of katib. The digits ship with scikit-learn, so nothing is downloaded.
"""

import argparse
import os

# The networks are tiny and two trials run at a time: more threads per trial would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--hidden-units", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--activation", choices=["relu", "tanh", "logistic"], required=True)
    parser.add_argument("--epochs", type=int, default=10)
    return parser.parse_args()


def main() -> None:
    args = parse_arguments()
    images, digits = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images, digits, test_size=0.3, stratify=digits, random_state=0)
    scaler = StandardScaler().fit(train_x)
    train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
    model = MLPClassifier(
        hidden_layer_sizes=(args.hidden_units,),
        activation=args.activation,
        learning_rate_init=args.learning_rate,
        batch_size=args.batch_size,
        random_state=0,
    )
    for epoch in range(1, args.epochs + 1):
        model.partial_fit(train_x, train_y, classes=range(10))  # one pass over the training data
        print(f"epoch={epoch} loss={model.loss_:.4f} accuracy={model.score(test_x, test_y):.4f}", flush=True)


if __name__ == "__main__":
    main()
