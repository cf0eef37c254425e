"""Texts that people and programs write into settings, for the suites that hold algorithms to their contract."""

from collections.abc import Iterable

from katib.errors import Fault

TEXTS = (
    *("", " ", "x", "true", "None", "[]"),
    *("-1", "0", "0.5", "1", "2.5", "1e3", "0x10"),
    *("nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "1e-999999999", f"1{'0' * 30}", f"-1{'0' * 30}"),
)
"""Nothing, words, numbers of every sign and size, and what only looks like a number."""


def tells(faults: Iterable[Fault], setting: str, text: str) -> bool:
    """Whether a fault names the setting, and what was given if that was anything."""
    return any(
        setting in f"{fault.path} {fault.wanted}" and (text.strip() in fault.given or not text.strip())
        for fault in faults
    )
