"""Event files: those of the real writers, those being written, and broken ones."""

import contextlib
import itertools
import math
import shutil
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboardX import SummaryWriter
from tensorboardX.record_writer import RecordWriter

from metrics_collector import event_wire, tfevents
from metrics_collector.event_wire import RecordReader, scalars
from metrics_collector.tfevents import EventFiles

FIXTURES = Path(__file__).parent / "fixtures"
LOSSES = [1.0, 0.5, 1 / 3, 0.25, 0.2]


def values(points, metric):
    return [p.value for p in points if p.metric == metric]


def steps(points, metric):
    return [p.step for p in points if p.metric == metric]


def drained(folder, *metrics):
    return EventFiles(folder, metrics).drain()


@pytest.mark.parametrize("writer", ["torch", "tf1", "tf2"])
def test_each_writers_scalars_are_read_with_step_and_time(writer):
    points = drained(FIXTURES / writer, "loss")
    assert values(points, "loss") == pytest.approx(LOSSES)
    assert steps(points, "loss") == [0, 1, 2, 3, 4]
    assert [p.seq for p in points] == sorted(p.seq for p in points)
    assert all(1.7e9 < p.time < 1.9e9 for p in points)
    assert [p.text for p in points] == [repr(p.value) for p in points]


def test_torch_tags_with_slashes_and_files_in_folders_below():
    points = drained(FIXTURES / "torch", "val/accuracy", "both_train/both", "both_test/both", "new_style", "double")
    assert values(points, "val/accuracy") == pytest.approx([1 - loss for loss in LOSSES])
    assert values(points, "both_train/both") == [0.5]
    assert values(points, "both_test/both") == [0.75]
    assert (values(points, "new_style"), values(points, "double")) == ([0.25], [0.1])


def test_nan_and_infinity_of_torch_and_tf2():
    nan, inf = values(drained(FIXTURES / "torch", "diverged"), "diverged")
    assert math.isnan(nan)
    assert inf == math.inf
    assert math.isnan(*values(drained(FIXTURES / "tf2", "diverged"), "diverged"))


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64", "int32", "int64", "uint8"])
def test_tensors_of_every_type_of_number(kind):
    assert values(drained(FIXTURES / "tf2", f"typed_{kind}"), f"typed_{kind}") == [3.0]


def test_what_is_no_scalar_is_passed_over():
    assert drained(FIXTURES / "tf2", "loss_weights", "loss_note", "loss_vector") == []


def test_keras_writes_training_and_validation_into_two_folders():
    points = drained(FIXTURES / "keras", "train/epoch_loss", "validation/epoch_loss")
    assert steps(points, "train/epoch_loss") == steps(points, "validation/epoch_loss") == [0, 1, 2]


def test_without_a_folder_all_files_count_and_none_hides_another():
    points = drained(FIXTURES / "keras", "epoch_loss")
    assert len(points) == 6
    assert len({p.identity for p in points}) == 6
    assert steps(points, "epoch_loss") == [0, 1, 2, None, None, None]


def test_a_tag_that_only_begins_with_the_name_counts_when_no_tag_is_the_name():
    points = drained(FIXTURES / "tf1", "accura", "loss")
    assert values(points, "accura") == pytest.approx([1 - loss for loss in LOSSES])
    assert values(points, "loss") == pytest.approx(LOSSES), "loss_1 is not loss"


def test_names_that_were_not_asked_for_are_remembered():
    files = EventFiles(FIXTURES / "tf1", ("precision",))
    assert files.drain() == []
    assert files.seen == ("loss", "accuracy", "loss_1")


def eventually(poll):
    deadline = time.monotonic() + 20
    while not (found := poll()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.005)
    return found


def write(folder, tag="loss", first=0, count=3, **more):
    with SummaryWriter(str(folder), **more) as writer:
        for step in range(first, first + count):
            writer.add_scalar(tag, step / 4, step, walltime=1000.0 + step)


def test_tensorboardx_while_it_writes(tmp_path):
    files = EventFiles(tmp_path / "runs", ("loss",))
    assert files.poll() == []
    writer = SummaryWriter(str(tmp_path / "runs"))
    found = []
    for step in range(4):
        writer.add_scalar("loss", step / 4, step, walltime=1000.0 + step)
        writer.add_histogram("loss_weights", [1.0, 2.0], step)
        # Its own thread hands events to the file: one flush may come too early.
        found += eventually(lambda: writer.file_writer.flush() or files.poll())
        assert [(p.value, p.step, p.time) for p in found[step:]] == [(step / 4, step, 1000.0 + step)]
    writer.close()
    assert files.drain() == []
    assert found == drained(tmp_path / "runs", "loss")


def test_a_file_that_appears_later_and_below(tmp_path):
    files = EventFiles(tmp_path, ("loss",))
    write(tmp_path / "a")
    assert len(files.poll()) == 3
    write(tmp_path / "b" / "c", first=3)
    assert steps(files.poll(), "loss") == [3, 4, 5]


def test_a_writer_that_gives_no_steps_loses_no_value(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for number in range(3):
            writer.add_scalar("loss", number)
    shutil.copytree(tmp_path, tmp_path / "again")
    points = drained(tmp_path, "loss")
    assert values(points, "loss") == [0.0, 1.0, 2.0] * 2
    assert len({p.identity for p in points}) == 6


@pytest.mark.parametrize(
    ("metric", "folder", "matches"),
    [
        ("loss", "x", True),
        ("train/loss", "train", True),
        ("train/loss", "logs/train", True),
        ("logs/train/loss", "logs/train", True),
        ("train/loss", "pretrain", False),
        ("train/loss", "train/x", False),
        ("los", "x", True),
        ("losses", "x", False),
        ("oss", "x", False),
    ],
)
def test_which_tags_a_metric_stands_for(tmp_path, metric, folder, matches):
    write(tmp_path / folder)
    assert bool(drained(tmp_path, metric)) is matches


def test_other_files_in_the_folder_are_passed_over_and_told(tmp_path):
    write(tmp_path)
    (tmp_path / "a-checkpoint.pt").write_bytes(bytes(range(256)) * 100)
    (tmp_path / "empty").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    files = EventFiles(tmp_path, ("loss",))
    assert len(files.drain()) == 3
    assert "1 damaged or of another kind, such as" in files.describe()
    assert "a-checkpoint.pt" in files.describe()


def test_a_damaged_record_is_passed_over_and_a_damaged_length_ends_the_file(tmp_path):
    write(tmp_path)
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    offsets = [0]
    while offsets[-1] < len(whole):
        offsets.append(offsets[-1] + 16 + struct.unpack_from("<Q", whole, offsets[-1])[0])
    second = offsets[2]  # after the file's version and the first point

    path.write_bytes(whole[: second + 12] + b"\xff" * 8 + whole[second + 20 :])
    files = EventFiles(tmp_path, ("loss",))
    assert steps(files.drain(), "loss") == [0, 2]
    assert "1 records could not be read" in files.describe()

    path.write_bytes(whole[:second] + b"\xff" + whole[second + 1 :])
    assert steps(drained(tmp_path, "loss"), "loss") == [0]


def test_a_record_that_is_too_large_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(event_wire, "RECORD_LIMIT", 1 << 18)
    monkeypatch.setattr(tfevents, "POLL_LIMIT", 1 << 17)
    monkeypatch.setattr(tfevents, "CHUNK", 1 << 16)
    write(tmp_path)
    [path] = tmp_path.iterdir()
    version, *points = RecordReader().feed(path.read_bytes())
    padding = b"\x7a\x80\x80\x20" + bytes(1 << 19)  # an unknown field of half a megabyte: it changes nothing else
    assert scalars(points[1] + padding) == scalars(points[1])
    writer = RecordWriter(str(path))
    for record in (version, points[0], points[1] + padding, points[2]):
        writer.write(record)
    writer.close()
    files = EventFiles(tmp_path, ("loss",))
    assert steps(files.poll(), "loss") == [0], "one poll reads a part of it"
    assert steps([point for _ in range(10) for point in files.poll()], "loss") == [2]


@given(st.lists(st.integers(0, 2000), max_size=8))
@settings(max_examples=30)
def test_points_do_not_depend_on_when_the_bytes_arrive(tmp_path_factory, cuts):
    """Law: a file read while it grows gives what the whole file gives, to the sequence number."""
    source = FIXTURES / "torch"
    folder = tmp_path_factory.mktemp("growing") / "torch"
    metrics = ("loss", "val/accuracy", "stepless", "both")
    growing, found = EventFiles(folder, metrics), []
    files = sorted(path for path in source.rglob("*") if path.is_file())
    for path in files:
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes()
        edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
        for start, end in itertools.pairwise(edges):
            with target.open("ab") as file:
                file.write(data[start:end])
            found += growing.poll()
    found += growing.drain()
    whole = EventFiles(folder, metrics).drain()
    assert {(p.metric, p.seq, p.value) for p in found} == {(p.metric, p.seq, p.value) for p in whole}
    assert len(found) == len(whole)
    shutil.rmtree(folder)


@given(st.binary(max_size=200))
def test_no_bytes_raise(data):
    RecordReader().feed(data)
    with contextlib.suppress(ValueError):
        scalars(data)


@given(st.integers(0, 5000), st.integers(0, 255))
def test_no_damage_raises(position, byte):
    [path] = (FIXTURES / "tf2").iterdir()
    data = bytearray(path.read_bytes())
    data[position % len(data)] = byte
    for record in RecordReader().feed(bytes(data)):
        with contextlib.suppress(ValueError):
            scalars(record)
