"""Bayesian optimization with scikit-optimize's surrogates."""
