"""What the code of one environment may change is for no other one: refused at the start, by whatever way two paths meet."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, strategies as st

from bot.config import read
from bot.config.isolation import isolations
from bot.errors import ConfigError, Fault

CONFIG = """\
slack: {{channel: "#ops"}}
github: {{repository: acme/infrastructure}}
aws: {{region: us-west-2}}
access: {{operators: [U0ANA], approvers: [U0ANA]}}
operations: {operations}
environments:
  dev: {{deploy: {{github_actions: {{workflow: d.yml}}}}, {dev}}}
  prod: {{deploy: {{github_actions: {{workflow: d.yml}}}}, {prod}}}
"""


def faults(
    where: Path, *, dev: str = "approval: {}", prod: str = "approval: {}", operations: str = "{}"
) -> list[Fault]:
    """What is wrong with a configuration whose paths are below `where`, written as ~."""
    text = CONFIG.format(operations=operations, dev=dev, prod=prod).replace("~", str(where))
    try:
        isolations(read(text), where / "bot" / "var", where / "bot" / "signalbox.yaml")
    except ConfigError as error:
        return list(error.faults)
    return []


def writable(*paths: str) -> str:
    return f"isolation: {{writable: [{', '.join(paths)}]}}"


def state(path: str, more: str = "") -> str:
    return f'terraform: {{directory: i, backend_config: {{path: "{path}"}}{more}}}'


@pytest.fixture
def where(tmp_path: Path) -> Path:
    for name in ("a/dev", "a/prod", "b", "tools/dev"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    return tmp_path


@pytest.mark.parametrize(
    ("dev", "prod", "relation"),
    [
        (writable("~/a"), writable("~/a"), "is the same directory as"),
        (writable("~/a"), writable("~/b", "~/a/prod"), "lies in"),
        (writable("~/a/dev"), writable("~/a"), "contains"),
        (writable("~/link"), writable("~/a/prod"), "lies in"),
        (writable("~/a/dev/../prod"), writable("~/a/prod"), "is the same directory as"),
        (writable("~/b"), state("~/b/prod.tfstate"), "is the same directory as"),
        (state("~/new/dev.tfstate"), state("~/new/prod.tfstate"), "is the same directory as"),
        (state("~/link/dev.tfstate"), state("~/a/prod/terraform.tfstate"), "lies in"),
    ],
)
def test_two_environments_share_nothing_that_their_code_may_change(
    where: Path, dev: str, prod: str, relation: str
) -> None:
    (fault,) = faults(where, dev=dev, prod=prod)
    assert fault.key.startswith("environments.")
    assert f" {relation} {where}" in fault.problem
    assert "code of dev and of prod could change each other's files" in fault.problem
    assert not faults(where, dev=dev, prod=prod, operations="{isolation: none}"), "without a wall all is open anyway"


@pytest.mark.parametrize(
    ("dev", "prod"),
    [
        (writable("~/a/dev"), writable("~/a/prod")),
        (f"{writable('~/a/dev')}, {state('~/a/dev/state/terraform.tfstate')}", writable("~/a/prod")),
        (state("~/a/dev/terraform.tfstate"), state("~/a/prod/terraform.tfstate")),
        (state("states/terraform.tfstate"), state("states/terraform.tfstate")),  # in the operation's own directory
        (state("~/b/x.tfstate"), "terraform: {hcp: {organization: acme, workspace: prod}}"),
    ],
)
def test_directories_of_their_own_are_granted(where: Path, dev: str, prod: str) -> None:
    assert not faults(where, dev=dev, prod=prod)


@pytest.mark.parametrize("path", ["~/tools", "~/tools/dev", "~/tools/dev/bin"])
def test_what_all_environments_read_is_not_changed_by_the_code_of_one(where: Path, path: str) -> None:
    (where / "tools/dev/bin").mkdir()
    (fault,) = faults(where, dev=writable("~/tools/dev"), operations=f"{{readable: [{path}]}}")
    assert fault.key == "operations.readable"
    assert "code of dev could change what all other environments read" in fault.problem


def test_the_bots_python_and_its_files_are_not_changed_by_any_code(where: Path) -> None:
    prefixes = [prefix for prefix in (sys.prefix, sys.base_prefix) if not prefix.startswith("/usr")]
    for prefix in prefixes:
        (fault,) = faults(where, dev=writable(f"{prefix}/lib"))
        assert "has the bot's own files, or lies in them" in fault.problem
        assert not faults(where, operations=f"{{readable: ['{prefix}/lib']}}"), "which every child reads"
    (fault,) = faults(where, dev=state("~/bot/dev.tfstate"))
    assert fault.key == "environments.dev.terraform.backend_config.path"
    assert "has the bot's own files" in fault.problem


def test_a_link_to_itself_is_refused_in_words(where: Path) -> None:
    (where / "loop").symlink_to("loop")
    (fault,) = faults(where, dev=writable("~/loop"))
    assert "loop does not exist" in fault.problem


NAMES = st.sampled_from("ab")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


@given(
    st.dictionaries(NAMES, PATHS, max_size=2),
    st.lists(PATHS, min_size=1, max_size=2),
    st.lists(PATHS, min_size=1, max_size=2),
)
def test_a_pair_is_refused_exactly_where_a_file_of_one_is_found_by_the_other(
    links: dict[str, str], dev: list[str], prod: list[str]
) -> None:
    """Directories and links at random; the file system itself says what is shared."""
    with TemporaryDirectory() as directory:
        where = Path(directory)
        for path in (*(f"real/{each}" for each in links.values()), "real"):
            (where / path).mkdir(parents=True, exist_ok=True)
        for name, target in links.items():
            (where / name).symlink_to(where / "real" / target)
        granted = [[where / path for path in paths] for paths in (dev, prod)]
        for each in (*granted[0], *granted[1]):
            each.mkdir(parents=True, exist_ok=True)
        refused = faults(
            where, dev=writable(*(f"~/{path}" for path in dev)), prod=writable(*(f"~/{path}" for path in prod))
        )
        assert bool(refused) == (files_reach(*granted) or files_reach(*reversed(granted)))


def files_reach(writers: list[Path], readers: list[Path]) -> bool:
    """Whether a file that is written in one of the first directories, however deep, is found in one of the others."""
    for directory in writers:
        for inside, _, _ in os.walk(os.path.realpath(directory)):
            (Path(inside) / "written").touch()
    reached = any("written" in files for path in readers for _, _, files in os.walk(os.path.realpath(path)))
    for directory in writers:
        for inside, _, _ in os.walk(os.path.realpath(directory)):
            (Path(inside) / "written").unlink(missing_ok=True)
    return reached
