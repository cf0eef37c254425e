"""Asks early stopping algorithms."""
