"""The algorithms that ship with katib, found like anybody's by the entry point group `katib.algorithms`.

To write one, see `algorithms.base`; to check it, `katib.testing.algorithms`.
"""
