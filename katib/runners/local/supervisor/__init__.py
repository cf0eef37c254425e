"""The supervisor: starts trials, sees them end, and remembers.

Started as `python -I -S .../supervisor/__main__.py RUN_DIR LINGER HOUSEKEEPING`, one per run directory. It uses the
standard library only and does not import katib, so that it is there within a few hundredths of a second and stays
small. The engine imports `layout` and `lines` from here; nothing here knows the engine.
"""
