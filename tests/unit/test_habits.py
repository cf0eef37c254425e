"""The project's habits: what is written in CONTRIBUTING, a test reads."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import katib

ROOT = Path(__file__).parents[2]
HEAVY = (
    "alembic",
    "cloudpickle",
    "fastapi",
    "google.protobuf",
    "grpc",
    "numpy",
    "optuna",
    "pydantic",
    "rich",
    "sqlalchemy",
    "typer",
    "yaml",
)
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
# Pages that are written for people; what a generator writes is checked by its own test.
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def run(*words: str) -> str:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "statement",
    [
        "import katib",
        "from katib import report",
        "import katib.errors, katib.config",
        "import pkgutil, katib.core as core\n"
        "for module in pkgutil.iter_modules(core.__path__, 'katib.core.'): __import__(module.name)",
    ],
    ids=["katib", "report", "errors and config", "every module of core"],
)
def test_an_import_that_training_scripts_make_is_light(statement: str) -> None:
    assert heavy_after(statement) == []


def test_the_client_loads_httpx_and_nothing_heavier() -> None:
    every_name = "import katib.client\nfor name in katib.client.__all__: getattr(katib.client, name)"
    assert heavy_after(every_name) == heavy_after("import httpx")


def heavy_after(statement: str) -> list[str]:
    loaded = run(sys.executable, "-c", f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))").split()
    return [name for name in HEAVY if name in loaded]


def test_every_heavy_package_can_be_imported_at_all() -> None:
    """Else the test above would pass for a package that was renamed or is not installed."""
    run(sys.executable, "-c", f"import {', '.join(HEAVY)}")


def test_the_public_names_are_these() -> None:
    assert katib.__all__ == ["checkpoint_dir", "report", "tune"]
    for name in katib.__all__:
        assert callable(getattr(katib, name))
    with pytest.raises(AttributeError, match=r"no attribute 'tunes'; it has: checkpoint_dir, report, tune"):
        katib.tunes  # noqa: B018 - the access is what is tested


def test_folder_order_is_import_order() -> None:
    run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


def test_decisions_are_numbered_without_gaps() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert DECISIONS


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_context_decision_and_consequences(path: Path) -> None:
    text = path.read_text()
    assert re.fullmatch(r"\d{4}(-[a-z0-9]+)+\.md", path.name)
    assert text.startswith(f"# {path.name[:4]}: ")
    headings = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]
    assert all(len(body.split()) >= 10 for body in re.split(r"^## .*$", text, flags=re.MULTILINE)[1:])
    assert len(text.splitlines()) <= 60, "one page"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    inner = [link for link in links if "://" not in link]
    assert [link for link in inner if not (page.parent / link).exists()] == []


def test_every_layer_that_the_linter_keeps_is_in_the_drawing() -> None:
    contracts = (ROOT / "pyproject.toml").read_text()
    layers = re.search(r"^layers = \[(.*?)^\]", contracts, flags=re.MULTILINE | re.DOTALL)
    assert layers is not None
    names = re.findall(r"[a-z]+", layers.group(1))
    drawing = (ROOT / "docs" / "architecture.md").read_text().split("\n## One pass")[0]
    positions = [drawing.find(f"│  {name} ") for name in names]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_every_folder_has_its_paragraph_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    folders = [f"katib/{path.parent.name}" for path in sorted((ROOT / "katib").glob("*/__init__.py"))]
    assert [folder for folder in [*folders, "algorithms", "metrics_collector"] if f"**`{folder}`**" not in page] == []


def test_every_command_and_option_is_documented() -> None:
    from typer.main import get_command

    from katib.cli.main import app

    page = (ROOT / "docs" / "cli.md").read_text()
    commands = _flat(get_command(app).commands)  # type: ignore[attr-defined]  # typer's app is a group
    sections = {name: _section_of(page, name) for name in commands}
    missing = [
        f"{name} {option}"
        for name, command in commands.items()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and f"`{option}`" not in sections[name] and option not in sections[name]
    ]
    assert [name for name, section in sections.items() if not section] == []
    assert missing == []


def _flat(commands: dict[str, Any]) -> dict[str, Any]:
    """Groups of commands taken apart: `suggestion serve`."""
    groups = {name: command.commands for name, command in commands.items() if hasattr(command, "commands")}
    inner = {f"{name} {sub}": command for name, group in groups.items() for sub, command in group.items()}
    return {**{name: command for name, command in commands.items() if name not in groups}, **inner}


def _section_of(page: str, command: str) -> str:
    for section in page.split("\n## ")[1:]:
        if f"katib {command}" in section.splitlines()[0].split(", "):
            return section
    return ""


def test_every_make_target_is_in_its_help() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    helped = [line.split()[1] for line in run("make", "help").splitlines()]
    assert helped == targets
