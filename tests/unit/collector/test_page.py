"""docs/metrics.md says what the collector does."""

import math
import re
import textwrap
from pathlib import Path

import pytest
import yaml

from metrics_collector.parse import DEFAULT_FILTER, TextParser
from metrics_collector.push import ReportParser
from metrics_collector.sources import open_sources

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
ROWS = re.findall(r"^\| ((?:`loss\S? ?=[^|]*` ?)+) \| ([^|]*) \|$", PAGE, flags=re.MULTILINE)
EXAMPLES = [(line, said) for lines, said in ROWS for line in re.findall(r"`([^`]+)`", lines)]
SPECS = [
    yaml.safe_load(textwrap.dedent(block))["metricsCollectorSpec"]
    for block in re.findall(r"^    metricsCollectorSpec:.*?(?=\n\n)", PAGE, flags=re.MULTILINE | re.DOTALL)
]


def is_as_said(value, said):
    if said.startswith("not a number"):
        return value is None
    if said.startswith("infinite"):
        return math.isinf(value)
    if said.startswith("nan"):
        return math.isnan(value)
    return math.isfinite(value) and (said == "the number" or value == 0.5)


@pytest.mark.parametrize(("line", "said"), EXAMPLES)
def test_each_line_in_the_table_becomes_what_the_table_says(line, said):
    [reading] = TextParser(("loss",)).feed(line)
    assert is_as_said(reading.value, said)


def test_the_table_was_found():
    assert len(EXAMPLES) > 20
    assert DEFAULT_FILTER in PAGE


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec["collector"]["kind"])
def test_each_specification_can_be_used(spec, tmp_path):
    source = open_sources(spec, metrics=("loss",), log=tmp_path / "log", reports=tmp_path / "reports")
    assert source.poll() == []
    source.close()


def test_the_filter_of_the_page_finds_the_line_beside_it():
    [filters] = [spec["source"]["filter"]["metricsFormat"] for spec in SPECS if "filter" in spec.get("source", {})]
    [found] = TextParser(("loss",), filters).feed("{'loss': 0.5, 'epoch': 3}")
    assert found.value == 0.5


def test_the_report_line_of_the_page_is_one():
    [line] = re.findall(r'^    (\{"metrics".*)$', PAGE, flags=re.MULTILINE)
    [found] = ReportParser(("loss",)).feed(line)
    assert (found.value, found.step, found.time) == (0.5, 3, 1700000000.0)
