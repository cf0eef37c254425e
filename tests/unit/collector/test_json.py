"""What the JSON parser and the report parser make of a line."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_collector.parse import JsonParser
from metrics_collector.push import ReportParser


def read(line, *metrics):
    return [(r.metric, r.value, r.text) for r in JsonParser(metrics or ("loss",)).feed(line)]


@pytest.mark.parametrize(
    ("given_value", "value", "text"),
    [
        ("0.5", 0.5, "0.5"),
        ('"0.5"', 0.5, "0.5"),
        ('" 0.5 "', 0.5, "0.5"),
        ("1", 1.0, "1"),
        ("-1.50e+2", -150.0, "-1.50e+2"),
        ("1e400", math.inf, "1e400"),
        ("Infinity", math.inf, "Infinity"),
        ('"-inf"', -math.inf, "-inf"),
        ('""', None, ""),
        ('"1_000"', None, "1_000"),
        ('"0,5"', None, "0,5"),
        ('"abc"', None, "abc"),
        ("null", None, "null"),
        ("true", None, "true"),
        ("[0.5]", None, '["0.5"]'),
        ('"a\\u0000b\\ud800"', None, "a\ufffdb\ufffd"),
        ("1" * 5000, None, "1" * 200 + "… (4800 more characters)"),
    ],
)
def test_a_value(given_value, value, text):
    assert read(f'{{"loss": {given_value}}}') == [("loss", value, text)]


@pytest.mark.parametrize("text", ["NaN", '"nan"', '"NaN"', '"-nan"'])
def test_nan(text):
    [(_, value, _)] = read(f'{{"loss": {text}}}')
    assert math.isnan(value)


def test_several_metrics_of_a_line_and_only_those_asked_for():
    parser = JsonParser(("loss", "acc"))
    found = parser.feed('{"acc": "0.9", "lr": 0.1, "loss": 2, "epoch": 3, "name": "x", "step": 7}')
    assert [(r.metric, r.value, r.step) for r in found] == [("loss", 2.0, 7), ("acc", 0.9, 7)]
    assert parser.seen == ("lr", "epoch")


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("1638422847", 1638422847.0),
        ("1638422847.28721", 1638422847.28721),
        ('"2021-12-02T05:27:27.28721Z"', 1638422847.28721),
        ('"2021-12-02T07:27:27+02:00"', 1638422847.0),
        ('"yesterday"', 0.0),
        ('"1638422847"', 0.0),
        ("1638422847000000", 0.0),
        ("-5", 0.0),
        ("NaN", 0.0),
        ("1e999", 0.0),
        ("null", 0.0),
        ("{}", 0.0),
    ],
)
def test_the_time_is_seconds_or_rfc3339_with_its_fraction_right(stamp, time):
    [found] = JsonParser(("loss",)).feed(f'{{"loss": 1, "timestamp": {stamp}}}')
    assert found.time == pytest.approx(time, abs=1e-6)


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ("0", 0),
        ("12", 12),
        ("-1", None),
        ("1.0", None),
        ('"3"', None),
        ("1" * 30, None),
        ("true", None),
        ("null", None),
    ],
)
def test_a_step_is_an_integer(step, wanted):
    [found] = JsonParser(("loss",)).feed(f'{{"loss": 1, "step": {step}}}')
    assert found.step == wanted


@pytest.mark.parametrize("bad", ["{", "loss=1", "[1]", "3", '"loss"', '{"loss": 1', "[" * 100_000, "\ufffd", "nan"])
def test_a_bad_line_is_passed_over_and_counted(bad):
    parser = JsonParser(("loss",))
    assert parser.feed(bad) == []
    assert parser.feed("") == parser.feed("  ") == []
    assert parser.bad == 1
    assert "1 lines were not, the first: " in parser.describe()
    assert [r.value for r in parser.feed('{"loss": 0.5}')] == [0.5]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["loss", "metrics", "step", "time", "x"]), inner),
)


@given(JSON)
def test_no_object_raises(document):
    line = json.dumps(document)
    for parser in (JsonParser(("loss",)), ReportParser(("loss",))):
        for reading in parser.feed(line):
            assert reading.text.isprintable()
            assert reading.step is None or reading.step >= 0
        assert parser.describe()


@given(st.text())
def test_no_line_raises(line):
    JsonParser(("loss",)).feed(line)
    ReportParser(("loss",)).feed(line)


def test_a_report():
    parser = ReportParser(("loss",))
    line = '{"metrics": {"loss": "nan", "acc": 0.5}, "step": 3, "time": 1700000000.5}'
    [found] = parser.feed(line)
    assert (found.metric, found.step, found.time) == ("loss", 3, 1700000000.5)
    assert math.isnan(found.value)
    assert parser.seen == ("acc",)
    assert parser.feed("{}") == parser.feed("[]") == parser.feed('{"metrics": 3}') == []
    assert parser.describe() == "1, not a report: '{}'"
