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
from katib.suggestion.early_stopping.local import stopping_registry
from katib.suggestion.registry import Registry


def printed(*words: str) -> str:
    result = CliRunner().invoke(app, ["algorithms", *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_all_of_them_are_listed() -> None:
    lines = printed().splitlines()
    listed = [tuple(line.split()[:2]) for line in lines[1:]]
    assert listed == [
        *((name, "search") for name in Registry().names),
        *((name, "early-stopping") for name in stopping_registry().names),
    ]
    assert "random search no Draws each point from the parameters' own distributions" in [
        " ".join(x.split()) for x in lines
    ]


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_scripts_read_what_was_declared(form: str, read: object) -> None:
    view = read(printed("tpe", "--output", form))  # type: ignore[operator]
    gamma = next(each for each in view["settings"] if each["name"] == "gamma")
    assert gamma["accepts"] == "a number between 0 and 1"
    assert gamma["type"] == "number"
    assert view["abilities"]["oblivious"] is False
    assert view["install"] == "katib-engine[algorithms]"
    assert view["trials"]["running, pending, advised"]
    of_both = [each["name"] for each in read(printed("--output", form))]  # type: ignore[operator]
    assert of_both == [*Registry().names, *stopping_registry().names]


def test_one_of_them_for_people() -> None:
    text = printed("tpe")
    for word in ("n_startup_trials (an integer >= 0, default 10)", "Bergstra", "never_repeats: it ends", "its value"):
        assert word in text


def test_early_stopping_has_its_settings_and_abilities_too() -> None:
    view = json.loads(printed("medianstop", "-o", "json"))
    assert (view["kind"], view["abilities"]) == (
        "early-stopping",
        {"live": True, "rules": True, "oblivious": False, "several_objectives": False},
    )
    assert {each["name"]: (each["type"], each["default"]) for each in view["settings"]} == {
        "min_trials_required": ("integer", "3"),
        "start_step": ("integer", "4"),
        "shadow": ("text", "false"),
    }
    text = printed("medianstop")
    for word in (
        "medianstop, for early-stopping",
        "start_step (an integer from 1 to 2147483647, default 4)",
        "Golovin",
        "rules: it gives",
    ):
        assert word in text


def test_a_name_of_both_kinds_shows_both() -> None:
    both = json.loads(printed("asha", "-o", "json"))
    assert [view["kind"] for view in both] == ["search", "early-stopping"]
    assert json.loads(printed("asha", "--kind", "early-stopping", "-o", "json")) == both[1]
    text = printed("asha")
    assert text.index("asha, for search") < text.index("asha, for early-stopping")
    listed = json.loads(printed("--kind", "early-stopping", "-o", "json"))
    assert [view["name"] for view in listed] == stopping_registry().names


def test_an_unknown_one() -> None:
    with pytest.raises(AlgorithmUnknown, match="no algorithm 'tppe' is installed"):
        CliRunner().invoke(app, ["algorithms", "tppe"], catch_exceptions=False)
    with pytest.raises(AlgorithmUnknown, match="no early stopping algorithm 'tpe' is installed") as raised:
        CliRunner().invoke(app, ["algorithms", "tpe", "--kind", "early-stopping"], catch_exceptions=False)
    assert "medianstop" in raised.value.hint


def test_what_cannot_be_used_is_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        def __init__(self, name: str, value: str) -> None:
            self.name, self.value = name, value

    entries = (Entry("broken", "no.such:Thing"), Entry("bare", "test_describe:Bare"))
    monkeypatch.setattr(registry, "_installed", lambda group: entries if group == registry.GROUP else ())
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
