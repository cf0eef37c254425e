"""Sampling: points drawn or listed without looking at results."""
