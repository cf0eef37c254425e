"""`python -m katib` is the `katib` command."""

from katib.cli.main import run

run()
