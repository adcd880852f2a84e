"""The documents name every setting that the product reads, and mark the inactive ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.check.inactive_settings import inactive_settings
from bot.config import read
from bot.settings import OWN_SECRETS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
INACTIVE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments:
  dev:
    machines: [cron]
    promote: {from: a, to: b, repositories: [o/r]}
    deploy: {github_actions: {workflow: d.yml}}
    terraform: {hcp: {organization: o, workspace: w}}
images: {workflow: b.yml, keep: {newest: 4}}
watch: {builders: {}, keys: {}}
"""


@pytest.mark.parametrize("name", sorted({*OWN_SECRETS, "SIGNALBOX_EXECUTOR", "PORT"}))
def test_the_readme_tells_of_every_variable(name: str) -> None:
    assert any(line.startswith("|") and f"`{name}`" in line for line in README.splitlines())


@pytest.mark.parametrize(
    "what",
    [
        "/healthz",
        "/readyz",
        "/metrics",
        "/hcp/notifications",
        "/github/webhooks",
        "bot audit verify",
        "bot audit export",
        "bot inventory",
    ],
)
def test_the_readme_says_how_it_is_run(what: str) -> None:
    assert what in README.partition("## Running it")[2]


def test_the_configuration_page_marks_exactly_the_inactive_settings() -> None:
    notes = [note.detail.partition(": ")[2] for note in inactive_settings(read(INACTIVE))]
    named = [name for note in notes for name in note.replace(".dev.", ".<name>.").split(", ")]
    rows = [line for line in (ROOT / "docs/configuration.md").read_text().splitlines() if line.startswith("| `")]
    marked = [line.split("`")[1] for line in rows if "**No effect in this version.**" in line]
    assert sorted(marked) == sorted(named)


def test_the_paths_that_the_architecture_page_names_exist() -> None:
    named = re.findall(
        r"`((?:bot|handlers|runners|sandbox|tests)/[\w/.]+)", (ROOT / "docs/architecture.md").read_text()
    )
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []
