"""Shipped helpers for tests: a clock, builders, strategies, a simulator, and the conformance suites of the ports."""
