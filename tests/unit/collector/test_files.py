"""Lines out of bytes, and files that grow, shrink, are replaced or are not there."""

import itertools
import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_collector.lines import LINE_LIMIT, LineSplitter
from metrics_collector.tail import FileTail


def split(*chunks):
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.flush()


BYTES = st.binary(max_size=80) | st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"\xc3\xa9", b"\x00"])).map(
    b"".join
)


@given(BYTES, st.lists(st.integers(0, 80)))
def test_lines_do_not_depend_on_the_chunks(data, cuts):
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
    wanted = [line for line in data.replace(b"\r", b"\n").split(b"\n") if line]
    assert split(*chunks) == split(data) == [line.decode(errors="replace") for line in wanted]


def test_a_progress_bar_is_many_lines():
    assert split(b"\r 1% loss=0.5\r 2% loss=0.4\ndone\r\n") == [" 1% loss=0.5", " 2% loss=0.4", "done"]


def test_bytes_that_are_no_utf8_are_replaced():
    assert split(b"\xff\xfe loss=0.5\n\xc3") == ["\ufffd\ufffd loss=0.5", "\ufffd"]


def test_a_long_line_is_cut_before_a_number_that_would_be_cut_in_two():
    head = b"loss=0.5 "
    filler = b"x" * (LINE_LIMIT - len(head) - 10) + b" "
    line = head + filler + b"acc=0.123456789012345\n"
    for size in (1 << 16, 999, len(line)):
        first, second = split(*(line[i : i + size] for i in range(0, len(line), size)), b"after\n")
        assert first == (head + filler).decode().rstrip()
        assert second == "after"


def test_ten_megabytes_in_one_line_are_not_kept():
    splitter, chunk = LineSplitter(), b"\0" * (1 << 16)
    tracemalloc.start()
    for _ in range(160):
        assert splitter.feed(chunk) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * LINE_LIMIT
    [line, after] = splitter.feed(b"\nloss=1\n")
    assert len(line) == LINE_LIMIT
    assert after == "loss=1"


def test_a_long_line_of_spaces_is_no_fault():
    assert split(b" " * (2 * LINE_LIMIT) + b"\nx\n")[-1] == "x"


@pytest.fixture
def tail(tmp_path):
    tail = FileTail(tmp_path / "log")
    yield tail
    tail.close()


def test_a_tail_reads_what_was_appended_and_no_more_than_asked(tail):
    assert tail.read(10) == b""
    assert "does not exist" in tail.problem
    tail.path.write_bytes(b"hello")
    assert tail.read(3) == b"hel"
    assert tail.size() == 2
    with tail.path.open("ab") as file:
        file.write(b" world")
    assert tail.read(100) == b"lo world"
    assert tail.read(100) == b""
    assert (tail.problem, tail.restarts) == ("", 0)


def test_a_truncated_file_is_read_from_its_beginning(tail):
    tail.path.write_bytes(b"first")
    tail.read(100)
    tail.path.write_bytes(b"new")
    assert tail.read(100) == b"new"
    assert tail.restarts == 1


def test_a_replaced_file_is_read_to_its_end_and_then_the_new_one(tail):
    tail.path.write_bytes(b"old")
    assert tail.read(2) == b"ol"
    rotated = tail.path.rename(tail.path.with_suffix(".1"))
    with rotated.open("ab") as file:
        file.write(b" end")
    assert tail.read(100) == b"d end"
    assert tail.read(100) == b""
    tail.path.write_bytes(b"new")
    assert tail.read(100) == b"new"
    assert tail.restarts == 1


@pytest.mark.parametrize("kind", ["pipe", "folder", "unreadable", "through a file"])
def test_what_is_no_readable_file_is_a_problem_and_not_a_crash(tail, kind):
    match kind:
        case "pipe":
            os.mkfifo(tail.path)
        case "folder":
            tail.path.mkdir()
        case "unreadable":
            tail.path.symlink_to(tail.path)  # permissions would not stop root
        case "through a file":
            tail.path.write_bytes(b"")
            tail.path = tail.path / "log"
    assert tail.read(100) == b""
    assert "could not be read" in tail.problem
