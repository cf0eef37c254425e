"""Decisions that were made once are made again: the same snapshot gives the same plan, or the change is reviewed.

Each recorded/<name>.json holds snapshots with the plans they got. `KATIB_UPDATE_GOLDEN=1 pytest
tests/simulation/test_replay.py` gives them the plans of today's code; read the diff before you commit it. A snapshot
from a real study is added by `katib.testing.recorded.encode`, its document and assignments left out.
"""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings

from katib.core.decide import Plan, Snapshot, decide
from katib.testing.laws import broken_laws
from katib.testing.recorded import decode, encode
from katib.testing.strategies import snapshots

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_same_snapshot_gives_the_same_plan(path):
    recorded = json.loads(path.read_text())
    if os.environ.get("KATIB_UPDATE_GOLDEN"):
        for each in recorded:
            each["plan"] = encode(decide(decode(Snapshot, each["snapshot"])))
        path.write_text(json.dumps(recorded, separators=(",", ":")).replace('{"snapshot"', '\n{"snapshot"') + "\n")
    for each in recorded:
        snapshot = decode(Snapshot, each["snapshot"])
        plan = decide(snapshot)
        assert plan == decode(Plan, each["plan"])
        assert broken_laws(snapshot, plan) == []


def test_there_are_recordings():
    assert RECORDED


@settings(max_examples=100)
@given(snapshots())
def test_a_recording_is_true(snapshot):
    """Through real JSON text, nan and all; `repr` because nan is not equal to itself."""
    again = decode(Snapshot, json.loads(json.dumps(encode(snapshot))))
    assert repr(again) == repr(snapshot)
    assert decode(Plan, json.loads(json.dumps(encode(decide(snapshot))))) == decide(snapshot)
