"""From a collector's specification to points, through real files."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from katib.core.observation import fold
from katib.errors import InvalidInput
from metrics_collector import log as log_module
from metrics_collector.parse import DEFAULT_FILTER
from metrics_collector.sources import open_sources

STDOUT = {"collector": {"kind": "StdOut"}}


def spec(kind, *, path=None, form=None, filters=None, **source):
    if path:
        source["fileSystemPath"] = {"path": str(path), "kind": "File"} | ({"format": form} if form else {})
    if filters:
        source["filter"] = {"metricsFormat": filters}
    return {"collector": {"kind": kind}, "source": source}


@pytest.fixture
def opened(tmp_path):
    sources = []

    def opener(collector=STDOUT, *metrics):
        source = open_sources(
            collector,
            metrics=metrics or ("loss",),
            log=tmp_path / "log",
            reports=tmp_path / "reports",
        )
        sources.append(source)
        return source

    yield opener
    for source in sources:
        source.close()
        source.close()


def append(path, data):
    with path.open("ab") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def test_output_is_followed_while_it_grows(opened, tmp_path):
    source, log = opened(), tmp_path / "log"
    assert source.poll() == []
    append(log, "loss=0.5\nlo")
    assert [p.value for p in source.poll()] == [0.5]
    append(log, "ss=0.4\nloss=0.3")
    assert [p.value for p in source.poll()] == [0.4]
    assert source.poll() == []
    assert [p.value for p in source.drain()] == [0.3]
    assert source.drain() == source.poll() == []


def test_the_story_of_a_training_that_diverges(opened, tmp_path):
    """T2: a number, nan, nothing, infinity: no crash, and each is what it is."""
    append(tmp_path / "log", "loss=0.5\nloss=nan\nloss=\nloss=inf\n")
    points = opened().drain()
    assert [p.text for p in points] == ["0.5", "nan", "", "inf"]
    summary = fold({}, points)["loss"]
    assert (summary.min, summary.max, summary.latest, summary.malformed) == (0.5, 0.5, math.inf, "")


@pytest.mark.parametrize(
    ("collector", "content"),
    [
        (STDOUT, "loss=0.5\n"),
        ({}, "loss=0.5\n"),
        ({"collector": None, "source": None}, "loss=0.5\n"),
        (spec("StdOut", filters=[r"(\w+)\s*:\s*(\S+)"]), "loss: 0.5\n"),
    ],
)
def test_stdout(opened, tmp_path, collector, content):
    append(tmp_path / "log", content)
    assert [p.value for p in opened(collector).drain()] == [0.5]


def test_a_text_file(opened, tmp_path):
    append(tmp_path / "log", "loss=9\n")
    append(tmp_path / "train.log", "loss=0.5\n")
    assert [p.value for p in opened(spec("File", path=tmp_path / "train.log")).drain()] == [0.5]


def test_a_json_file_elsewhere(opened, tmp_path):
    path = tmp_path / "elsewhere.json"
    append(path, '{"loss": "0.5", "timestamp": 1638422847.28721}\nnot json\n{"loss": 0.25, "step": 2}\n')
    source = opened(spec("File", path=path, form="JSON"))
    assert [(p.value, p.step, p.time) for p in source.drain()] == [(0.5, None, 1638422847.28721), (0.25, 2, 0.0)]
    assert "1 lines were not, the first: 'not json'" in source.describe()


def test_event_files(opened, tmp_path):
    fixture = Path(__file__).parent / "fixtures" / "tf2"
    points = opened(spec("TensorFlowEvent", path=fixture)).drain()
    assert [p.step for p in points] == [0, 1, 2, 3, 4]
    assert all(p.seq < 1 << 63 for p in points)


def test_pushed_reports_count_whatever_the_kind_and_numbers_do_not_collide(opened, tmp_path):
    append(tmp_path / "log", "loss=1\nloss=2\n")
    append(
        tmp_path / "reports", '{"metrics": {"loss": 3}, "time": 5.0}\n{"metrics": {"loss": 4, "acc": 1}, "time": 6.0}\n'
    )
    source = opened()
    points = source.drain()
    assert [p.value for p in points] == [1, 2, 3, 4]
    assert len({p.identity for p in points}) == 4
    assert source.seen == ("acc",)


@pytest.mark.parametrize("kind", ["Push", "None", "Custom"])
def test_kinds_that_read_reports_only(opened, tmp_path, kind):
    append(tmp_path / "log", "loss=1\n")
    append(tmp_path / "reports", '{"metrics": {"loss": 3}}\n')
    source = opened(spec(kind))
    assert [p.value for p in source.drain()] == [3]
    assert ("does not run here" in source.describe()) is (kind == "Custom")


def test_an_unknown_kind_is_refused_with_the_known_ones(opened):
    with pytest.raises(InvalidInput, match="StdOut, File") as caught:
        opened(spec("Magic"))
    assert "Magic" in str(caught.value)


@pytest.mark.parametrize("port", ["metrics", 70000, -1])
def test_a_port_that_is_no_number_is_refused(opened, port):
    with pytest.raises(InvalidInput, match="port number"):
        opened(spec("PrometheusMetric", httpGet={"port": port}))


def test_a_metric_that_is_missing_is_explained(opened, tmp_path):
    append(tmp_path / "log", "acc=0.9 lr=0.1\n")
    source = opened(spec("File", path=tmp_path / "x"))
    assert source.drain() == []
    assert f"{tmp_path}/x does not exist" in source.describe()
    source = opened()
    assert source.drain() == []
    looked = f"the output: filter {DEFAULT_FILTER}, as in loss=0.5; pushed reports: none"
    assert source.describe() == f"other names seen: acc, lr; {looked}"


def test_a_name_that_is_nearly_the_metrics_is_pointed_out(opened, tmp_path):
    append(tmp_path / "log", "Loss=0.9 lr=0.1\n")
    source = opened()
    assert source.drain() == []
    assert "is Loss meant by loss?" in source.describe()


def test_ten_megabytes_in_one_line_and_bytes_that_are_no_text(opened, tmp_path):
    append(tmp_path / "log", b"loss=1\n" + b"\x00\xff" * (5 << 20) + b"loss=2\n" + bytes(range(256)) + b"\nloss=3\n")
    source = opened()
    points = [p for _ in range(4) for p in source.poll()] + source.drain()
    assert [p.value for p in points] == [1, 3]


def test_a_poll_of_a_long_log_takes_a_part(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(log_module, "POLL_LIMIT", 1000)
    append(tmp_path / "log", "loss=1\n" * 1000)
    source = opened()
    assert 0 < len(source.poll()) < 200
    assert len(source.drain()) > 800


def test_a_truncated_log_goes_on_with_new_numbers(opened, tmp_path):
    source = opened()
    append(tmp_path / "log", "loss=1\nloss=2\nunfinished")
    first = source.poll()
    (tmp_path / "log").write_bytes(b"loss=3\n")
    second = source.poll()
    assert [p.value for p in first + second] == [1, 2, 3]
    assert len({p.identity for p in first + second}) == 3


PIECES = st.lists(
    st.sampled_from(
        [b"loss=0.5", b"loss=nan ", b"acc=1,5", b"\n", b"\r", b" ", b"\xff", b"\xc3", b"\xa9", b"2024-01-02T03:04:05Z "]
    )
    | st.binary(max_size=4),
    max_size=30,
)


@given(PIECES, st.lists(st.booleans(), min_size=30, max_size=30))
@settings(max_examples=60)
def test_points_do_not_depend_on_when_the_bytes_arrive(tmp_path_factory, pieces, polls):
    """Law: following a file as it grows and reading it afterwards give the same points, identities included."""
    folder = tmp_path_factory.mktemp("law")
    path = folder / "log"

    def source():
        return open_sources(STDOUT, metrics=("loss", "acc"), log=path, reports=folder / "reports")

    following, found = source(), []
    for piece, poll in zip(pieces, polls, strict=False):
        append(path, piece)
        found += following.poll() if poll else []
    found += following.drain()
    afterwards = source()
    assert repr(afterwards.drain()) == repr(found)
    assert len({p.identity for p in found}) == len(found)
    following.close()
    afterwards.close()


@given(st.binary(max_size=300), st.sampled_from(["StdOut", "TEXT", "JSON", "events", "Push"]))
def test_no_bytes_crash_any_source(tmp_path_factory, data, kind):
    folder = tmp_path_factory.mktemp("bytes")
    for name in ("log", "reports", "file"):
        (folder / name).write_bytes(b'loss=1\n{"loss": ' + data)
    collector = {
        "StdOut": STDOUT,
        "TEXT": spec("File", path=folder / "file"),
        "JSON": spec("File", path=folder / "file", form="JSON"),
        "events": spec("TensorFlowEvent", path=folder),
        "Push": spec("Push"),
    }[kind]
    source = open_sources(collector, metrics=("loss",), log=folder / "log", reports=folder / "reports")
    points = source.poll() + source.drain()
    json.dumps([p.text for p in points]).encode()
    assert source.describe()
    source.close()
