"""What stops `terraform init`, as real terraform words it, has a remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.errors import RunnerError, UnavailableError
from tests.real.terraform_support import LONG, write

if TYPE_CHECKING:
    from runners.terraform import Workspace

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_bwrap]

NOWHERE = "http://127.0.0.1:1"  # nothing listens there
PROVIDER = 'terraform {\n  required_providers {\n    null = { source = "hashicorp/null" }\n  }\n}'
CLOUD = 'terraform {\n  cloud {\n    organization = "acme"\n    workspaces { name = "x" }\n  }\n}'
REGISTRY_MODULE = 'module "x" { source = "terraform-aws-modules/vpc/aws" }'
GIT_MODULE = (
    'module "network" { source = "git::https://git.example.test/acme/modules-with-a-long-name.git//network?ref=v1" }'
)


@pytest.mark.parametrize(
    ("code", "kind", "problem"),
    [
        (PROVIDER, UnavailableError, r"provider hashicorp/null cannot be downloaded: .*connection refused"),
        (CLOUD, UnavailableError, r"^[^(]*app\.terraform\.io cannot be reached: .*connection refused"),
        (REGISTRY_MODULE, UnavailableError, r'module "x" .*registry\.terraform\.io.*connection refused'),
        (GIT_MODULE, UnavailableError, r'module "network" .*cannot be downloaded: .*Failed to connect'),
    ],
    ids=["provider", "HCP Terraform", "module of a registry", "module of git"],
)
async def test_what_is_out_of_reach_is_named_with_a_remedy(
    code: str, kind: type[RunnerError], problem: str, workspace: Workspace
) -> None:
    write(workspace, code)
    proxy = {"HTTPS_PROXY": NOWHERE, "https_proxy": NOWHERE}
    with pytest.raises(kind, match=problem) as error:
        await terraform.init(replace(workspace, env={**workspace.env, **proxy}), timeout=LONG)
    assert error.value.remedy
    assert "\n" not in error.value.problem


async def test_a_backend_setting_that_is_not_known_is_named_as_configured(workspace: Workspace) -> None:
    write(workspace, 'terraform {\n  backend "local" {}\n}')
    with pytest.raises(RunnerError, match=r"terraform\.backend_config\.paht: Unsupported argument") as error:
        await terraform.init(replace(workspace, backend_config={"paht": "hunter-22"}), timeout=LONG)
    assert error.value.remedy == 'Did you mean "path"? Correct terraform.backend_config.'
    assert "hunter-22" not in f"{error.value} {error.value.log_tail}"
    assert "tfbackend" not in f"{error.value} {error.value.log_tail}"


REMOTE = 'terraform {\n  backend "remote" {\n    organization = "acme"\n  }\n}'
S3 = 'terraform {\n  backend "s3" {\n    bucket = "b"\n    key    = "k"\n    region = "us-west-2"\n  }\n}'


@pytest.mark.parametrize(
    ("code", "settings", "problem"),
    [
        # Both get as far as the network: the settings were read.
        (REMOTE, {"workspaces": {"name": "production"}}, r"app\.terraform\.io cannot be reached"),
        (S3, {"assume_role": {"role_arn": "arn:aws:iam::123456789012:role/x"}}, "credential"),
        (REMOTE, {"workspaces": {"nmae": "production"}}, r"terraform\.backend_config.*Unsupported argument"),
    ],
)
async def test_settings_with_keys_reach_the_backend(
    code: str, settings: dict[str, dict[str, str]], problem: str, workspace: Workspace
) -> None:
    write(workspace, code)
    proxy = {"HTTPS_PROXY": NOWHERE, "https_proxy": NOWHERE, "AWS_EC2_METADATA_DISABLED": "true"}
    with pytest.raises(RunnerError, match=problem):
        await terraform.init(replace(workspace, env={**workspace.env, **proxy}, backend_config=settings), timeout=LONG)


@pytest.mark.parametrize("kind", ["remote", "cloud"])
async def test_a_workspace_of_hcp_terraform_that_is_not_named_has_the_remedy(kind: str, workspace: Workspace) -> None:
    write(workspace, REMOTE if kind == "remote" else REMOTE.replace('backend "remote"', "cloud"))
    with pytest.raises(RunnerError, match="the code keeps its state in HCP Terraform and names no workspace") as error:
        await terraform.init(workspace, timeout=LONG)
    assert "terraform.hcp" in str(error.value.remedy)
