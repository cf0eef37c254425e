"""Prometheus exposition text into samples. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats: `name{label="value",…} value [timestamp]`, one per line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LABELS = r'\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}'
_SAMPLE = re.compile(rf"\s*([a-zA-Z_:][\w:]*)\s*({_LABELS})?\s*(\S+)", re.ASCII)
_SELECTOR = re.compile(rf"\s*([a-zA-Z_:][\w:]*)\s*({_LABELS})\s*", re.ASCII)
_LABEL = re.compile(r'([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"', re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One sample: its value as text, which may be any Go float, `NaN`, `+Inf` or `-Inf`."""

    name: str
    labels: Mapping[str, str]
    text: str

    @property
    def full_name(self) -> str:
        """The name as a selector, labels included."""
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.name}{{{labels}}}" if labels else self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Selector:
    """Which samples a metric's name stands for: those of that name that have at least these labels."""

    name: str
    labels: Mapping[str, str]

    def selects(self, sample: Sample) -> bool:
        return sample.name == self.name and self.labels.items() <= sample.labels.items()


def samples(text: str) -> Iterator[Sample]:
    """The samples of a page, in order; comments and lines that are no samples are passed over."""
    for line in text.splitlines():
        if found := _SAMPLE.match(line):
            yield Sample(name=found[1], labels=_labels(found[2]), text=found[3])


def selector(metric: str) -> Selector:
    """What a metric's name stands for: `loss`, or `loss{split="val"}`."""
    found = _SELECTOR.fullmatch(metric)
    return Selector(name=found[1], labels=_labels(found[2])) if found else Selector(name=metric, labels={})


def _labels(text: str | None) -> dict[str, str]:
    return dict(_LABEL.findall(text or ""))
