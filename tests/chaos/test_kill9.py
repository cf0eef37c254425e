"""T24 in small: twenty-five kill -9 at random points. `python tests/chaos/kill9.py` does five hundred."""

import importlib.util
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("kill9", Path(__file__).with_name("kill9.py"))
kill9 = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(kill9)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_t24_nothing_is_lost_doubled_or_rerun(tmp_path):
    counts = kill9.chaos(tmp_path, kills=25, seed=24)
    assert counts["trials"] > 0
