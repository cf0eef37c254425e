"""How trials run. `contract` says what a runner promises; `local` keeps it with processes on this machine."""
