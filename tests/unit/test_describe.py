"""What algorithms declare, as `katib algorithms` prints it."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from katib.cli.main import app
from katib.core.advice import Abilities, Description
from katib.errors import AlgorithmUnknown
from katib.suggestion import registry
from katib.suggestion.describe import describe
from katib.suggestion.registry import Registry


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, ["algorithms", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_all_of_them_are_listed() -> None:
    lines = printed().splitlines()
    assert [line.split()[0] for line in lines[1:]] == Registry().names
    assert "random no Draws each point from the parameters' own distributions" in [" ".join(x.split()) for x in lines]


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_scripts_read_what_was_declared(form: str, read: object) -> None:
    view = read(printed("tpe", "--output", form))  # type: ignore[operator]
    gamma = next(each for each in view["settings"] if each["name"] == "gamma")
    assert gamma["accepts"] == "a number between 0 and 1"
    assert gamma["type"] == "number"
    assert view["abilities"]["oblivious"] is False
    assert view["install"] == "katib-engine[algorithms]"
    assert view["trials"]["running, pending, advised"]
    assert [each["name"] for each in read(printed("--output", form))] == Registry().names  # type: ignore[operator]


def test_one_of_them_for_people() -> None:
    text = printed("tpe")
    for word in ("n_startup_trials (an integer >= 0, default 10)", "Bergstra", "never_repeats: it ends", "its value"):
        assert word in text


def test_an_unknown_one() -> None:
    with pytest.raises(AlgorithmUnknown, match="no algorithm 'tppe' is installed"):
        CliRunner().invoke(app, ["algorithms", "tppe"], catch_exceptions=False)


def test_what_cannot_be_used_is_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        def __init__(self, name: str, value: str) -> None:
            self.name, self.value = name, value

    entries = (Entry("broken", "no.such:Thing"), Entry("bare", "test_describe:Bare"))
    monkeypatch.setattr(registry, "_installed", lambda _group: entries)
    bare, broken = json.loads(printed("-o", "json"))
    assert broken["error"].startswith("algorithm 'broken' is no.such:Thing, which cannot be loaded")
    assert bare["missing"] == ["no_such_module"]
    assert "pip install 'no_such_module'" in printed()
    assert "cannot be loaded" in printed()


class Bare:
    """Declares only what it must. So its docstring speaks for it."""

    abilities = Abilities()
    settings = ()
    requires = ("no_such_module",)


def test_one_that_declares_nothing_more_is_described_by_its_docstring() -> None:
    described = describe(Registry({"bare": "test_describe:Bare"}), "bare")
    assert described.summary == "Declares only what it must"


@pytest.mark.parametrize(
    ("about", "summary"),
    [("Walks.", "Walks"), ("Walks the\ngrid. Slowly.", "Walks the grid"), ("Walks 0.5 steps", "Walks 0.5 steps")],
)
def test_the_first_sentence_is_the_summary(about: str, summary: str) -> None:
    described = Description(
        name="x", about=about, paper="", abilities=Abilities(), settings=(), trials={}, install="", missing=()
    )
    assert described.summary == summary


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
