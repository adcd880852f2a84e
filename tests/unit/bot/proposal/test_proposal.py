"""`python -m bot init` writes what the loader accepts, whatever a repository has, and names what it does not understand."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from bot.config import load
from bot.errors import UserError
from bot.proposal import command
from tests.scenarios.styles import ROOT, STYLES, directory_of

if TYPE_CHECKING:
    from pathlib import Path

    from bot.config import Config

WHAT = ("directory", "terragrunt", "hcp", "workspace", "var_files")
# Where the hand-written configuration says other things than the code does, with the reason.
TERRAFORM_BY_WORKFLOW = {"terragrunt-layout"}
MORE_THAN_THE_CODE_SAYS = {"hcp-by-prefix"}  # the workspaces that a prefix stands for are in HCP Terraform alone


def clone_of(style: str, into: Path) -> Path:
    """A copy of the made-up repository without its signalbox.yaml."""
    clone = into / "clone"
    shutil.copytree(directory_of(style), clone)
    (clone / "signalbox.yaml").unlink()
    return clone


async def proposed(clone: Path) -> tuple[str, Config]:
    text = await command.propose(clone, command.default, None)
    file = clone.parent / "proposed.yaml"
    file.write_text(text)
    return text, load(file)


def terraform_of(config: Config) -> set[tuple[object, ...]]:
    """What each state is planned from."""
    return {
        tuple(getattr(each.terraform, key) for key in WHAT)
        for each in config.environments.values()
        if each.terraform and not each.terraform.terragrunt
    }


def workflows_of(config: Config) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """The workflows that deploy, with the inputs that they are sent."""
    return {
        (each.deploy.github_actions.workflow, tuple(each.deploy.github_actions.inputs.items()))
        for each in config.environments.values()
        if each.deploy and each.deploy.github_actions
    }


@pytest.mark.parametrize("style", STYLES)
async def test_it_finds_in_each_style_what_was_written_by_hand(style: str, tmp_path: Path) -> None:
    text, config = await proposed(clone_of(style, tmp_path))
    assert "The loader does not accept" not in text
    own = load(directory_of(style) / "signalbox.yaml")
    if style not in MORE_THAN_THE_CODE_SAYS:
        assert terraform_of(config) >= terraform_of(own)
    if style in TERRAFORM_BY_WORKFLOW:
        assert {each.terraform.terragrunt for each in config.environments.values() if each.terraform} == {
            "stage",
            "prod",
        }
    elif style != "services":  # each of whose repositories is its own
        assert workflows_of(config) == workflows_of(own)
    ansible = {
        each.deploy.ansible.playbook for each in own.environments.values() if each.deploy and each.deploy.ansible
    }
    assert all(playbook in text for playbook in ansible)
    if own.images:
        assert config.images
        assert config.images.workflow == own.images.workflow
        assert config.images.inputs == own.images.inputs


async def test_every_style_is_tried() -> None:
    assert len(STYLES) == 12
    assert ROOT.is_dir()


WORDS = strategies.sampled_from(
    [
        "prod",
        "Production",
        "dev",
        "stage",
        "modules",
        "eu-west-1",
        "10-network",
        "a" * 40,
        "ünï",
        "x y",
        "app",
        "global",
        "-",
        "9",
    ]
)
FOLDERS = strategies.lists(WORDS, max_size=4).map("/".join)
BACKENDS = strategies.sampled_from(
    [
        'terraform {\n  backend "s3" {}\n}',
        'terraform {\n  backend "remote" {\n    organization = "<@acme@>"\n    workspaces { prefix = "net-" }\n  }\n}',
        'terraform {\n  cloud {\n    organization = "acme"\n    workspaces { name = "n" }\n  }\n}',
        'provider "aws" {\n  region = "xx-nowhere-9"\n}',
        'terraform { backend "',
    ]
)
TITLES = strategies.sampled_from(["deploy", "Deploy-prod", "packer", "release_dev", "a" * 60, "ünï", "build: images"])
INPUTS = strategies.sampled_from(
    [
        "",
        "{inputs: {environment: {type: choice, options: [prod, Staging, 'x y']}}}",
        "{inputs: {env: {type: environment}, 'bad name!': {}, version: {required: true}}}",
        "{inputs: {image: {type: choice, options: [web, 'Ünï', all]}, stage: {options: 7}}}",
        "[1, 2]",
    ]
)
FILES = strategies.one_of(
    strategies.tuples(FOLDERS.map(lambda folder: f"{folder}/main.tf".lstrip("/")), BACKENDS),
    strategies.tuples(FOLDERS.map(lambda folder: f"{folder}/terragrunt.hcl".lstrip("/")), strategies.just("")),
    strategies.tuples(FOLDERS.map(lambda folder: f"{folder}/prod.tfvars".lstrip("/")), strategies.just("a = 1")),
    strategies.tuples(
        strategies.tuples(FOLDERS, TITLES).map(lambda each: f"{each[0]}/{each[1]}.yml".lstrip("/").replace(": ", "-")),
        strategies.sampled_from(
            ["- hosts: [web, 'x y', all]\n  tasks: []", "- hosts: *nobody", "- hosts: 7", "$ANSIBLE_VAULT;1.1"]
        ),
    ),
    strategies.tuples(
        TITLES.map(lambda title: f".github/workflows/{title.replace(': ', '-')}.yml"),
        strategies.tuples(TITLES, INPUTS).map(
            lambda each: (
                f"name: '{each[0]}'\non: {{workflow_dispatch: {each[1]}}}\njobs: {{a: {{environment: prod, steps: [{{run: packer build}}]}}}}"
            )
        ),
    ),
)


@given(files=strategies.lists(FILES, min_size=1, max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_repository_has_the_loader_accepts_what_is_written(
    files: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    clone = tmp_path_factory.mktemp("generated") / "clone"
    for name, content in files:
        path = clone / name
        if any(part.is_file() for part in path.parents if part.exists()) or path.is_dir():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    text, config = asyncio.run(proposed(clone))
    assert config.environments, text
    assert "The loader does not accept" not in text


def test_what_git_is_told_by_the_clone_is_not_run(tmp_path: Path) -> None:
    clone = clone_of("stacks", tmp_path)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q"], cwd=clone, env=environment, check=True)
    ran = tmp_path / "ran"
    with (clone / ".git/config").open("a") as config:
        config.write(
            f'[core]\n\tfsmonitor = "touch {ran}"\n[remote "origin"]\n\turl = git@github.com:gullwing/terraform.git\n'
        )
    (clone / "outside.tfvars").symlink_to("/etc/passwd")
    text, read = asyncio.run(proposed(clone))
    assert not ran.exists()
    assert read.github.repository == "gullwing/terraform"
    assert "root:" not in text


async def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    clone, file = clone_of("stacks", tmp_path), tmp_path / "signalbox.yaml"
    answer = await command.init(clone, file, command.default, None)
    assert f"Wrote {file}" in answer
    before = file.read_bytes()
    with pytest.raises(UserError, match="exists, and is not overwritten"):
        await command.init(clone, file, command.default, None)
    assert file.read_bytes() == before


@pytest.mark.parametrize(("directory", "words"), [("nowhere", "is no directory"), ("empty", "has no files")])
async def test_what_is_no_clone_is_refused(tmp_path: Path, directory: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=words):
        await command.propose(tmp_path / directory, command.default, None)


class Slack:
    """Knows two channels and a group."""

    async def query(self, method: str, **_: object) -> dict[str, object]:
        if method == "conversations.list":
            return {"channels": [{"name": "infra", "id": "C0INFRA"}, {"name": "ops", "id": "C0OPS"}]}
        return {"usergroups": [{"id": "S0INFRA", "handle": "infra"}]}

    async def scopes(self) -> frozenset[str]:
        return frozenset()


@pytest.mark.parametrize(
    ("channel", "group", "expected"),
    [
        ("infra", "@infra", ("channel: C0INFRA}   # #infra", "approvers: ['usergroup:S0INFRA']}   # @infra")),
        ("#ops", "S0INFRA", ("channel: C0OPS}   # #ops", "approvers: ['usergroup:S0INFRA']}   # @infra")),
    ],
)
async def test_names_that_slack_knows_become_ids(
    tmp_path: Path, channel: str, group: str, expected: tuple[str, ...]
) -> None:
    typed = iter(["gullwing/terraform", channel, group])
    text = await command.propose(clone_of("stacks", tmp_path), lambda *_: next(typed), Slack())
    assert all(each in text for each in expected), text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("https://github.com/a/b", "", ""), "write owner/name"),
        (("a/b", "#nowhere", ""), "can see no channel #nowhere"),
        (("a/b", "#Ops", ""), "did you mean"),
        (("a/b", "#ops", "@nobody"), "no user group @nobody. The groups are: @infra"),
    ],
)
async def test_an_answer_that_is_wrong_is_one_line(tmp_path: Path, typed: tuple[str, ...], words: str) -> None:
    answers = iter(typed)
    with pytest.raises(UserError, match=words):
        await command.propose(clone_of("stacks", tmp_path), lambda *_: next(answers), Slack())
