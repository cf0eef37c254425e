"""The entry: makes this folder importable as a package of its own, without the package it lies in."""

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    # At the end: the files beside this folder must never hide a module of the standard library.
    sys.path.append(str(HERE.parent))
    import_module(f"{HERE.name}.main").main()
