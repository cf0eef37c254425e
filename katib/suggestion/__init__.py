"""Asks algorithms: in a worker process with a deadline, restarts and a labelled fallback."""
