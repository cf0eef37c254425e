"""python -m node up | down | build | base | load ARCHIVE…: see README.md."""

import argparse
from pathlib import Path

from . import images, node
from .places import KUBECONFIG


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="node", description="A real Kubernetes of one node, for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start it, and say how to reach it; the first time it is built")
    commands.add_parser("down", help="end it, and remove all that it wrote; what was built stays in the cache")
    commands.add_parser("build", help="only build what `up` would build")
    commands.add_parser("base", help="say where the archive of an image is to build others on; it is made if need be")
    load = commands.add_parser("load", help="give image archives to it")
    load.add_argument("archive", type=Path, nargs="+")
    given = parser.parse_args()
    match given.command:
        case "up":
            node.up()
            print(f"export KUBECONFIG={KUBECONFIG}")
        case "down":
            node.down()
        case "build":
            node.build()
        case "base":
            print(images.base())
        case "load":
            for archive in given.archive:
                images.load(archive)


if __name__ == "__main__":
    main()
