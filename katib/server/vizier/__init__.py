"""Vizier's API over the desk's studies."""
