"""Train a classifier of handwritten digits for some epochs in all, going on from a checkpoint if there is one."""

import argparse
import pickle
import warnings
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import katib

# Weights that diverge are a bad trial, not a reason to print a page of warnings.
warnings.filterwarnings("ignore")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--penalty", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True, help="in all, those behind the checkpoint included")
    args = parser.parse_args()

    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(images / 16, labels, random_state=0)
    checkpoint = (katib.checkpoint_dir() or Path()) / "model.pkl"
    trained, model = 0, None
    if checkpoint.exists():
        trained, model = pickle.loads(checkpoint.read_bytes())
        print(f"goes on after epoch {trained}")
    if model is None:
        model = SGDClassifier(
            loss="log_loss", learning_rate="constant", eta0=args.learning_rate, alpha=args.penalty, random_state=0
        )
    for epoch in range(trained + 1, args.epochs + 1):
        model.partial_fit(train_x, train_y, classes=range(10))
        print(f"epoch={epoch} accuracy={model.score(test_x, test_y):.4f}")
    # Under another name first: a checkpoint is whole, or it is not there.
    written = checkpoint.with_suffix(".new")
    written.write_bytes(pickle.dumps((args.epochs, model)))
    written.replace(checkpoint)


if __name__ == "__main__":
    main()
