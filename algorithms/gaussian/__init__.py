"""Gaussian process regression over a search space. Needs numpy and scipy."""
