"""A repository of the user's own: which files are read, what is replaced in its configuration, what is proposed without one."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from bot.config import read
from sandbox.github import GitHubStandIn
from sandbox.own import CONFIG, OwnRepositoryError, own_repository, read_files
from sandbox.own.terraform import OVERRIDE
from sandbox.trial import REFUSED, Trial, missing, refusals

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = "on: workflow_dispatch\njobs: {go: {runs-on: x, steps: [{run: deploy}]}}"
TERRAFORM = 'terraform {\n  backend "s3" {}\n}\nresource "aws_instance" "a" {}\nresource "terraform_data" "b" {}\n'
SETTINGS = """
slack: {channel: "#alerts"}
github: {repository: acme/infra}
aws: {region: eu-central-1, profile: acme}
access: {operators: [U0123ABCD], approvers: ["usergroup:S0123ABCD"]}
environments:
  dev:
    channel: "#acme-dev"
    machines: [web]
    deploy: {github_actions: {workflow: deploy.yml, ref: develop}}
    terraform: {directory: infra/dev, backend_config: {bucket: acme-state}}
    approval: {required: 0}
  prod:
    machines: [web]
    promote: {from: develop, to: release, repositories: [acme/app]}
    deploy:
      ansible: {directory: plays, playbook: site.yml, user: root, private_key_env: ACME_KEY, secret_vars: {word: ACME_WORD}}
    terraform: {hcp: {organization: acme, workspace: prod}}
    approval: {required: 1, approvers: [U0123ABCD]}
operations: {isolation: none, retention: 30d}
"""
FILES = {
    CONFIG: SETTINGS,
    ".github/workflows/deploy.yml": WORKFLOW,
    "infra/dev/main.tf": TERRAFORM,
    "plays/site.yml": "[]",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write(tmp_path / "own", FILES)
    return tmp_path / "own"


def write(directory: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)


def test_of_a_git_repository_only_what_git_would_commit_is_read(directory: Path) -> None:
    subprocess.run(["git", "init", "-q", directory], check=True)
    hook = directory / ".git" / "monitor"
    hook.write_text(f"#!/bin/sh\ntouch {directory}/ran\n")
    hook.chmod(0o755)
    subprocess.run(["git", "-C", directory, "config", "core.fsmonitor", str(hook)], check=True)
    write(directory, {".gitignore": "*.tfvars\n", "secret.tfvars": "password = 1", "new.tf": "# not added"})
    files = read_files(directory)
    assert set(files) == {*FILES, ".gitignore", "new.tf"}
    assert not (directory / "ran").exists()


def test_of_a_plain_directory_caches_states_and_keys_are_left_out(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("a key")
    (directory / "link").symlink_to(tmp_path / "outside")
    (directory / "inner-link.yml").symlink_to(directory / "plays/site.yml")
    write(
        directory,
        {".terraform/x": "", "infra/dev/terraform.tfstate": "{}", ".env": "A=1", "keys/id_rsa": "", "a.pem": ""},
    )
    assert set(read_files(directory)) == {*FILES, "inner-link.yml"}


def test_what_is_no_directory_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OwnRepositoryError, match="is no directory"):
        read_files(tmp_path / "nope")
    with pytest.raises(OwnRepositoryError, match="has no files"):
        read_files(tmp_path)


def test_the_configuration_is_kept_but_for_what_leads_outside(directory: Path, tmp_path: Path) -> None:
    own = own_repository(directory)
    config = read(own.config_text(tmp_path / "world"))  # the bot takes it
    dev = config.environments["dev"]
    assert dev.terraform is not None
    assert dev.terraform.backend_config == {"path": f"{tmp_path}/world/state/dev/terraform.tfstate"}
    assert config.environments["prod"].terraform is None
    assert config.aws_place is not None
    assert config.aws_place.profile is None
    assert own.files[f"infra/dev/{OVERRIDE}"] == b'terraform {\n  backend "local" {}\n}\n'
    written = own.config
    assert written["access"] == {"operators": ["usergroup:S0INFRA"], "approvers": ["usergroup:S0LEADS"]}
    assert written["environments"]["prod"]["approval"]["approvers"] == ["usergroup:S0LEADS"]
    assert written["operations"] == {"directory": "{files}/var", "retention": "30d"}
    assert own.channels == {"alerts", "acme-dev"}
    assert own.secrets == {"ACME_KEY", "ACME_WORD"}
    assert own.refs == {"develop", "release"}
    assert list(own.repositories()) == ["acme/infra", "acme/app"]
    assert own.notes == [
        "Ana and the sandbox's other people are your operators and approvers.",
        "aws.profile is left out: AWS is a stand-in.",
        "dev: the state is empty and in the sandbox, whatever backend infra/dev names.",
        "dev: there is no network, so `terraform init` cannot get its providers (aws) and a plan ends there.",
        (
            "prod: no code here names the workspace prod of acme in a `cloud` block or a backend "
            '"remote": no plans there.'
        ),
        "Empty here, since only your directory is read: acme/app.",
    ]


def test_its_branches_are_those_that_the_configuration_names(directory: Path) -> None:
    stand_in = GitHubStandIn(token="t" * 8, repositories=own_repository(directory).repositories())
    repository = stand_in.repository("acme/infra")
    assert set(repository.graph.branches) == {"main", "develop", "release"}
    assert repository.graph.resolve("develop").files["plays/site.yml"] == b"[]"
    assert [workflow.filename for workflow in repository.workflows.values()] == ["deploy.yml"]


def test_what_cannot_be_played_is_said_at_the_start(directory: Path) -> None:
    bad = "on: push\njobs: {a: {runs-on: x, services: {db: {image: x}}, steps: [{uses: a/b@v1}]}}"
    write(directory, {".github/workflows/a.yml": bad, ".github/workflows/b.yml": "on: push\njobs: {a: {}}"})
    stand_in = GitHubStandIn(token="t" * 8, repositories=own_repository(directory).repositories())
    assert refusals(stand_in.repository("acme/infra")) == [
        "GitHub refuses .github/workflows/b.yml: jobs.a: Required property is missing: runs-on",
        (
            ".github/workflows/a.yml: the job a will fail, it cannot be played: services in containers; "
            "the action a/b@v1, which the sandbox does not know"
        ),
    ]


def test_without_a_configuration_there_is_a_proposal(directory: Path) -> None:
    (directory / CONFIG).unlink()
    write(
        directory, {".github/workflows/build.yml": WORKFLOW, "infra/dev/backend.tf": 'terraform {\n backend "s3" {}\n}'}
    )
    with pytest.raises(OwnRepositoryError) as refused:
        own_repository(directory)
    words, _, proposed = str(refused.value).partition("\n\n")
    assert words == f"{directory} has no signalbox.yaml. This is a beginning:"
    assert "workflow: build.yml" in proposed
    terraform = read(proposed).environments["dev"].terraform
    assert terraform is not None
    assert str(terraform.directory) == "infra/dev"


@pytest.mark.parametrize(
    ("settings", "outputs", "words"),
    [
        ("a: [", (), "names no github.repository"),
        ("slack: 1", (), "names no github.repository"),
        (SETTINGS, ("deploy.yml:a=1",), "write WORKFLOW:JOB.NAME=VALUE"),
        (SETTINGS.replace("machines:", "machine:"), (), "signalbox.yaml has faults"),
    ],
)
def test_what_is_missing_is_said_in_words(directory: Path, settings: str, outputs: tuple[str, ...], words: str) -> None:
    write(directory, {CONFIG: settings})
    assert words in missing(Trial(directory, 0, outputs=outputs))
    assert REFUSED == 2


PARTS = """
slack: {channel: "#alerts"}
github: {repository: acme/infra}
aws: {region: eu-central-1}
access: {operators: [U0123ABCD], approvers: [U0123ABCD]}
environments:
  dev: {terraform: {directory: one, workspace: blue}}
  prod:
    aws: {region: eu-west-1, profile: acme, role: "arn:aws:iam::222222222222:role/x"}
    machines: [web]
    terraform:
      backend_config: {bucket: acme-state}
      hcp: {organization: acme}
      stacks:
        net: {directory: one}
        dns: {hcp: {workspace: dns-prod}, after: [net]}
        app: {hcp: {workspace: app}, after: [net, gone, dns], aws: {profile: other}}
        gone: {hcp: {workspace: nowhere}}
        typed: {directory: oen}
    deploy: {services: {api: {repository: acme/api, github_actions: {workflow: deploy.yml}}}}
"""
PREFIX = 'terraform {\n  backend "remote" {\n    organization = "acme"\n    workspaces {\n      prefix = "dns-"\n    }\n  }\n}\n'
CLOUD = 'terraform {\n  cloud {\n    organization = "acme"\n    workspaces { name = "app" }\n  }\n}\n'


def test_stacks_workspaces_and_hcp_terraform_get_states_of_the_sandbox(directory: Path, tmp_path: Path) -> None:
    code = {"one/main.tf": TERRAFORM, "dns/a.tf": PREFIX, "cloud/a.tf": CLOUD}
    write(directory, {CONFIG: PARTS, **code})
    own = own_repository(directory)
    assert own.states == {"dev": "blue", "prod/net": ""}
    assert [(each.name, each.directory, each.state) for each in own.hcp] == [
        ("dns-prod", "dns", "prod/dns"),
        ("app", "cloud", "prod/app"),
    ]
    prod = own.config["environments"]["prod"]["terraform"]["stacks"]
    assert prod["net"] == {"directory": "one", "backend_config": {"path": "{files}/state/prod/net/terraform.tfstate"}}
    assert prod["app"] == {"hcp": {"organization": "acme", "workspace": "app"}, "after": ["net", "dns"], "aws": {}}
    assert prod["typed"]["directory"] == "oen"  # Terraform has to say that there is no code
    assert "gone" not in prod
    assert (
        own.config["environments"]["dev"]["terraform"]["backend_config"]["workspace_dir"]
        == "{files}/state/dev/workspaces"
    )
    read(own.config_text(tmp_path / "world"))


def test_its_machines_are_in_the_account_and_region_of_their_environment(directory: Path) -> None:
    write(directory, {CONFIG: PARTS})
    [machine] = own_repository(directory).machines
    assert (machine.type_tag, machine.region, machine.role) == (
        "prod web",
        "eu-west-1",
        "arn:aws:iam::222222222222:role/x",
    )


def test_other_repositories_are_read_where_they_are_named(directory: Path, tmp_path: Path) -> None:
    write(directory, {CONFIG: PARTS})
    write(tmp_path / "api", {".github/workflows/deploy.yml": WORKFLOW})
    own = own_repository(directory, {"acme/api": tmp_path / "api"})
    stand_in = GitHubStandIn(token="t" * 8, repositories=own.repositories())
    assert [each.filename for each in stand_in.repository("acme/api").workflows.values()] == ["deploy.yml"]
    assert not [note for note in own.notes if note.startswith("Empty here")]
    with pytest.raises(
        OwnRepositoryError, match="does not name the repository acme/web; others that it names: acme/api"
    ):
        own_repository(directory, {"acme/web": tmp_path / "api"})
