"""docs/styles.md: each of its examples is a configuration that loads, and each made-up repository has its section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.config import read

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "styles.md").read_text("utf-8")
HEAD, *SECTIONS = PAGE.split("\n## ")
[BEGINNING] = re.findall(r"```yaml\n(.*?)```", HEAD, re.DOTALL)
REPOSITORIES = sorted((ROOT / "tests" / "repositories").rglob("signalbox.yaml"))


@pytest.mark.parametrize("section", SECTIONS, ids=[section.partition("\n")[0] for section in SECTIONS])
def test_each_example_loads(section: str) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert read(BEGINNING + example).environments


def test_there_is_a_section_for_each_repository() -> None:
    anchors = set(re.findall(r"\]\(#([a-z-]+)\)", HEAD))
    assert anchors == {section.partition("\n")[0].lower().replace(" ", "-") for section in SECTIONS}
    assert len(SECTIONS) == len(REPOSITORIES) == 12
