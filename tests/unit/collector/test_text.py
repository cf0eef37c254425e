"""What the text parser makes of a line."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib.errors import InvalidInput
from metrics_collector.parse import DEFAULT_FILTER, FILTER_REACH, TextParser

INF = math.inf


def read(line, *metrics, filters=()):
    return [(r.metric, r.value, r.text) for r in TextParser(metrics or ("loss",), filters).feed(line)]


def value_of(line):
    [(_, value, text)] = read(line)
    return value, text


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("loss=0.5", 0.5),
        ("loss = 0.5", 0.5),
        ("loss\t=\t0.5", 0.5),
        ("loss=1.2e+32", 1.2e32),
        ("loss=-1.5E-1", -0.15),
        ("loss=.98", 0.98),
        ("loss=+.98", 0.98),
        ("loss=7", 7.0),
        ("loss=1e308", 1e308),
        ("loss=1e400", INF),
        ("loss=-1e400", -INF),
        ("loss=1e-400", 0.0),
        ("loss=1.", 1.0),
        ("loss=1.e3", 1000.0),
        ("loss=007", 7.0),
        # What follows is not part of the number.
        ("loss=0.5,", 0.5),
        ("loss=0.5, acc=0.9", 0.5),
        ("loss=0.5;", 0.5),
        ("loss=0.5)", 0.5),
        ("(loss=0.5)", 0.5),
        ("loss=0.5]", 0.5),
        ("loss=0.5}", 0.5),
        ("loss=0.5%", 0.5),
        ("loss=0.5.", 0.5),
        ("loss=0.5...", 0.5),
        ("loss=0.5:", 0.5),
        ("loss=0.5|acc=0.9", 0.5),
        ("loss=0.5/epoch", 0.5),
        ("loss=0.5s", 0.5),
        ("loss=5eggs", 5.0),
        ("loss=0.5*", 0.5),
        ("loss=0.5 -> better", 0.5),
        ("Epoch 3/10: 100%|####| 10/10 [00:01<00:00, 9.5it/s, loss=0.25]", 0.25),
        # Colours of a terminal.
        ("\x1b[1mloss\x1b[0m=\x1b[32m0.5\x1b[0m", 0.5),
    ],
)
def test_a_number_is_read(line, value):
    assert value_of(line)[0] == value


@pytest.mark.parametrize("text", ["inf", "+inf", "-inf", "Inf", "INF", "infinity", "-Infinity", "+INFINITY"])
@pytest.mark.parametrize("after", ["", " ", ",", ", acc=1", ")", ";", ".", "|"])
def test_infinity_is_a_number(text, after):
    assert value_of(f"loss={text}{after}") == (float(text), text)


@pytest.mark.parametrize("text", ["nan", "NaN", "NAN", "-nan", "+nan"])
@pytest.mark.parametrize("after", ["", " ", ",", ", acc=1", ")", ";", ".", "|", "(ind)"])
def test_nan_is_a_number(text, after):
    value, kept = value_of(f"loss={text}{after}")
    assert math.isnan(value)
    assert kept == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("loss=", ""),
        ("loss= ", ""),
        ("loss=, acc=1", ""),
        ("loss=;", ""),
        ("loss= acc=1", ""),
        ("loss=abc", "abc"),
        ("loss=None", "None"),
        ("loss=nano", "nano"),
        ("loss=info", "info"),
        ("loss=1_000", "1_000"),
        ("loss=1_000, acc=1", "1_000"),
        ("loss=0,5", "0,5"),
        ("loss=1.234,56", "1.234,56"),
        ("loss=1,234.5 lr=1", "1,234.5"),
        ("loss=1'000", "1'000"),
        ("loss=10^308", "10^308"),
        ("loss=10**308", "10**308"),
        ("loss=0x1f", "0x1f"),
        ("loss=1.2.3", "1.2.3"),
        ("loss=1e", "1e"),
        ("loss=1e-", "1e-"),
        ("loss=e5", "e5"),
        ("loss=-", "-"),
        ("loss=--5", "--5"),
        ("loss=1.#QNAN", "1.#QNAN"),
        ("loss=\u22120.5", "\u22120.5"),
        ("loss=\u0663", "\u0663"),
        ("loss=tensor(0.5)", "tensor(0.5)"),
        ('loss="0.5"', '"0.5"'),
        ("loss==0.5", "=0.5"),
    ],
)
def test_what_is_no_number_is_kept_as_text(line, text):
    assert value_of(line) == (None, text)


def test_a_text_without_end_is_cut():
    value, text = value_of("loss=" + "1" * 100_000)
    assert value is None
    assert len(text) < 300


def test_a_kept_text_can_be_stored_and_printed():
    assert value_of("loss=a\x00b\x1b[2Jc\ud800") == (None, "a\ufffdb\ufffd[2Jc\ufffd")


def test_every_pair_of_a_line_counts_in_order():
    line = "loss=1 acc=2 loss=3 other=4 acc=5"
    assert [(m, v) for m, v, _ in read(line, "acc", "loss")] == [("loss", 1), ("acc", 2), ("loss", 3), ("acc", 5)]


def test_a_pair_may_begin_where_a_number_ends():
    assert [v for _, v, _ in read("loss=1loss=2")] == [1, 2]


@pytest.mark.parametrize("line", ["val_loss=1", "lossy=1", "loss-2=1", "|loss=1", "Loss=1", "loss: 1", "no loss here"])
def test_the_name_must_be_the_metric_exactly(line):
    assert read(line) == []


@pytest.mark.parametrize("name", ["val/loss", "eval.loss", "mAP@0.5", "top-5 loss"])
def test_a_name_that_the_filter_knows_only_the_end_of_is_found(name):
    assert read(f"epoch 1: {name}=0.25", name) == [(name, 0.25, "0.25")]
    assert read(f"{name}=0.25", name, "loss") == [(name, 0.25, "0.25")]
    assert read(f"x{name}=0.25", name) == []


@pytest.mark.parametrize(
    ("start", "time"),
    [
        ("2024-01-02T03:04:05Z", 1704164645.0),
        ("2024-01-02T03:04:05.25Z", 1704164645.25),
        ("2024-01-02T03:04:05.123456789Z", 1704164645.123456),
        ("2024-01-02T05:04:05+02:00", 1704164645.0),
        ("0001-01-01T00:00:00Z", 0.0),
        ("2024-01-02", 0.0),
        ("2024-01-02T03:04:05", 0.0),
        ("20240102T030405Z", 0.0),
        ("2024-13-02T03:04:05Z", 0.0),
        ("[2024-01-02T03:04:05Z]", 0.0),
        (" 2024-01-02T03:04:05Z", 0.0),
        ("INFO", 0.0),
    ],
)
def test_the_time_is_the_first_word_when_it_is_rfc3339(start, time):
    [found] = TextParser(("loss",)).feed(f"{start} loss=1")
    assert found.time == pytest.approx(time, abs=1e-6)


KATIB_EXAMPLE = r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}"
TRAINER = r"'([\w|-]+)'\s*:\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)"


@pytest.mark.parametrize(
    ("line", "filters", "found"),
    [
        ("{metricName: loss, metricValue: -0.5}", [KATIB_EXAMPLE], [("loss", -0.5, "-0.5")]),
        ("{'loss': 0.5, 'lr': 0.1}", [TRAINER], [("loss", 0.5, "0.5")]),
        ("{'loss': nan, 'lr': 0.1}", [TRAINER], [("loss", "nan", "nan")]),
        ("{'loss': oops}", [TRAINER], [("loss", None, "oops}")]),
        ("loss: 1_000", [r"(\w+): (\S+)"], [("loss", None, "1_000")]),
        ("loss:  inf ", [r"(\w+):(.*)"], [("loss", INF, "inf")]),
        ("loss: ", [r"(\w+):(\d+)?"], [("loss", None, "")]),
        ("loss: 1 loss=2", [r"(\w+): (\d+)", DEFAULT_FILTER], [("loss", 1.0, "1"), ("loss", 2.0, "2")]),
        ("loss=1,5", [DEFAULT_FILTER], [("loss", None, "1,5")]),
        ("(loss) 1", [r"()\((\w+)\)"], []),
    ],
)
def test_custom_filters(line, filters, found):
    got = [(m, "nan" if v is not None and math.isnan(v) else v, t) for m, v, t in read(line, filters=filters)]
    assert got == found


def test_a_custom_filter_looks_at_the_first_part_of_a_line_and_cuts_no_number():
    filters = [r"(\w+): (\d+)"]
    assert read("loss: 12" + " " * FILTER_REACH, filters=filters) == [("loss", 12.0, "12")]
    assert read(" " * (FILTER_REACH - 7) + "loss: 12", filters=filters) == []


@pytest.mark.parametrize("bad", ["(", r"(\w+)", "[[:alpha:]]+(a)(b)", r"(?P<n>\w+)\z(\d)", "(?i", "a{99999999999}"])
def test_a_filter_that_cannot_be_used_is_refused_with_its_text(bad):
    with pytest.raises(InvalidInput) as caught:
        TextParser(("loss",), [r"(\w+)=(\d+)", bad])
    [fault] = caught.value.faults
    assert fault.given == bad
    assert fault.path.endswith("metricsFormat")


def test_names_that_were_not_asked_for_are_remembered():
    parser = TextParser(("loss",))
    for line in ("val_acc=0.9", "lr=0.1 val_acc=0.8", "name=adam", "loss=1 extra=2", "nothing here"):
        parser.feed(line)
    assert parser.seen == ("val_acc", "lr", "extra")
    for number in range(100):
        parser.feed(f"loss=1 n{number}={number}")
    assert len(parser.seen) == 20


def test_the_filter_is_in_the_description():
    assert DEFAULT_FILTER in TextParser(("loss",)).describe()
    assert r"(\w+):(.*)" in TextParser(("loss",), [r"(\w+):(.*)"]).describe()


# Few characters, so that names, numbers and their borders meet often.
LINES = st.text(alphabet="lossac=-+.,_|/ 015eEnif\t\u00e9", max_size=60)


@given(LINES)
def test_the_pairs_are_those_of_katibs_filter(line):
    """Law: names and their order are what the regular expression itself finds, and so is every plain number."""
    metrics = ("loss", "acc", "a", "l", "s", "o")
    wanted = [m for m in re.finditer(DEFAULT_FILTER, line, re.ASCII) if m[1] in metrics]
    found = TextParser(metrics).feed(line)
    if not any(metric in line for metric in metrics):
        wanted = []
    assert [reading.metric for reading in found] == [match[1] for match in wanted]
    for reading, match in zip(found, wanted, strict=True):
        after = line[match.end() : match.end() + 1]
        if after in ("", " ", "\t", "|", "/", "=", "-", "+") and re.search(r"\d", match[2]) and match[2][0] not in "eE":
            assert reading.value == float(match[2])


@given(st.text(max_size=200), st.sampled_from([(), (r"(\w+): (.*)",), (TRAINER, DEFAULT_FILTER)]))
def test_no_line_raises(text, filters):
    for reading in TextParser(("loss", "a"), filters).feed("loss" + text):
        assert reading.text.isprintable()


@given(st.floats())
def test_a_number_that_python_prints_comes_back(value):
    [reading] = TextParser(("loss",)).feed(f"loss={value}")
    assert reading.value == value or (math.isnan(reading.value) and math.isnan(value))


@pytest.mark.parametrize("unit", ["a", "=", "loss=", " ", "1", "1a", "a ", "nan", "loss=1", "=a", "\x1b["])
def test_a_long_line_takes_time_in_proportion(unit):
    """A quadratic search would take hours; the time limit of every test is the judge."""
    TextParser(("loss",)).feed("loss" + unit * ((1 << 20) // len(unit)))
