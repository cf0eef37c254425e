"""Vizier's messages <-> the core's values. Nothing else knows both."""
