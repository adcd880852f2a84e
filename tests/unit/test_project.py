"""The project's own rules: who imports whom, and what no file may name."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def tracked() -> list[Path]:
    """The files of the project: those that git knows, or without git all but what is made from them."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        made = {".venv", ".cache", ".git", "var"}
        paths = [path for path in ROOT.rglob("*") if not made & set(path.relative_to(ROOT).parts)]
    return [path for path in paths if path.is_file()]


def sources(folder: str) -> list[Path]:
    """The Python files of a top-level folder, without those of the sandbox's repositories."""
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "infrastructure" not in path.parts]


LONGEST_FILE, LONGEST_FUNCTION = 300, 40  # lines
# What may be longer, and why: "path" or "path:function".
EXCEPTIONS = {
    "sandbox/github/shapes/actions.py:run": "one literal: the fields of GitHub's workflow run",
    "sandbox/github/shapes/pulls.py:pull_simple": "one literal: the fields of GitHub's pull request",
    "tests/real/test_main_job_in_browser.py:test_a_plan_is_asked_for_approved_by_the_lead_and_applied": "one story",
}
# Tests of one subject that share helpers and tables.
EXCEPTIONS |= dict.fromkeys(
    [
        "tests/real/test_ansible.py",
        "tests/real/test_terraform.py",
        "tests/scenarios/test_hcp.py",
        "tests/scenarios/test_killed.py",
        "tests/unit/bot/operations/test_run_finder.py",
        "tests/unit/handlers/plan/test_views.py",
        "tests/unit/sandbox/hcp/test_stand_in.py",
        "tests/unit/sandbox/slack/test_slack_block_kit.py",
        "tests/unit/sandbox/slack/test_slack_web_api.py",
    ],
    "one subject, with helpers and tables that its tests share",
)


def over_budget(path: Path) -> list[tuple[str, int]]:
    """The file and its functions that are longer than their budgets, with their lines."""
    text, name = path.read_text("utf-8"), path.relative_to(ROOT).as_posix()
    over = [(name, lines)] if (lines := len(text.splitlines())) > LONGEST_FILE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            over += [(f"{name}:{node.name}", lines)] if lines > LONGEST_FUNCTION else []
    return over


def test_files_and_functions_stay_within_their_budgets() -> None:
    folders = ("bot", "handlers", "runners", "sandbox", "tests")
    over = dict(entry for folder in folders for path in sources(folder) for entry in over_budget(path))
    assert {name: lines for name, lines in over.items() if name not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) <= set(over), "these are within their budgets now"


def modules_of_bot() -> set[str]:
    paths = [path for path in (ROOT / "bot").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return {f"bot.{path.stem}" for path in paths} - {"bot.__init__"}


def test_every_file_of_bot_has_a_layer() -> None:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip() for layer in layers for name in re.split(r"[:|]", layer)}
    assert modules_of_bot() == {name for name in named if name.startswith("bot.")}


def test_blocks_import_results_and_phrases_and_nothing_else_of_ours() -> None:
    graph = grimp.build_graph("bot", "runners", cache_dir=None)
    blocks = {"bot.slack.blocks"} | graph.find_descendants("bot.slack.blocks")
    imported = {other for module in blocks for other in graph.find_modules_directly_imported_by(module)}
    assert len(blocks) > 1
    assert imported - blocks == {"runners.results", "runners.phrases", "runners.stored", "runners.invisible"}


# Written apart, so that this file does not name them either.
HOSTS = tuple(
    ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
)
OPTIONS = ("--" + "index-url", "--extra-" + "index-url", "--" + "find-links")


def test_no_file_names_a_package_registry() -> None:
    naming = []
    for path in tracked():
        text = path.read_text("utf-8", errors="replace")
        naming += [f"{path.relative_to(ROOT)}: {word}" for word in (*HOSTS, *OPTIONS) if word in text]
    assert naming == []


LOCKS = sorted(path.name for path in ROOT.glob("requirements*.lock"))


def test_pytest_enters_every_folder_of_tests(pytestconfig: pytest.Config) -> None:
    skipped = pytestconfig.getini("norecursedirs")
    folders = {part for path in (ROOT / "tests").rglob("test_*.py") for part in path.relative_to(ROOT).parent.parts}
    assert not [folder for folder in folders for pattern in skipped if fnmatch(folder, pattern)]


def test_the_locks_are_there() -> None:
    assert LOCKS == [
        "requirements-dev.lock",
        "requirements-sandbox.lock",
        "requirements-tracing.lock",
        "requirements.lock",
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_is_exact_and_hashed_and_none_is_an_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    pins = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"^\s+#.*\n", "", text, flags=re.MULTILINE).strip())
    assert "://" not in text
    assert len(pins) > 30
    assert [
        pin for pin in pins if not re.match(r"[A-Za-z0-9._-]+(\[.*?\])?==\S+", pin) or "--hash=sha256:" not in pin
    ] == []


def _pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", (ROOT / lock).read_text("utf-8"), flags=re.MULTILINE))


def test_the_locks_agree() -> None:
    runs, plays, develops = (_pinned(f"requirements{part}.lock") for part in ("", "-sandbox", "-dev"))
    assert runs.items() <= plays.items() <= develops.items()


def test_what_the_project_depends_on_is_pinned() -> None:
    names = {re.split(r"[\[<>=; ]", requirement)[0].lower() for requirement in PROJECT["project"]["dependencies"]}
    assert names <= {name.lower() for name in _pinned("requirements.lock")}
