"""Carries studies to their verdicts: read, decide, apply, say when to look again."""
