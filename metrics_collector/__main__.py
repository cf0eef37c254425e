"""`python -m metrics_collector TASK`: see sidecar.py."""

import sys

from metrics_collector.sidecar import main

if __name__ == "__main__":
    main(sys.argv[1:])
