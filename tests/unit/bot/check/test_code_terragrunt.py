"""`check` reports the units of Terragrunt: which there are, and whether their order is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.check.code import Checkout
from bot.check.code_terragrunt import check_units
from bot.check.result import Findings
from bot.config import read
from runners.processes.wall import WALL
from runners.results import Commit
from tests.unit.bot.check.world import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

UNIT = 'terraform {\n  source = "../../modules/x"\n}\n'
STACK = 'unit "vpc" {\n  source = "../../catalog/vpc"\n  path = "vpc"\n}\n'


def findings_of(tmp_path: Path, files: dict[str, str], terraform: str, environment: str = "prod") -> Findings:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    config = read(f"{CONFIG}  prod:\n    terraform: {terraform}\n")
    commit = Commit(
        "acme/infrastructure", "a" * 40, "main", "Add units", "ana", "https://github.com/acme/infrastructure/commit/a"
    )
    checkout = Checkout(config.environments[environment], commit, tmp_path, tmp_path, WALL)
    findings, terragrunt = Findings("code"), config.environments[environment].terraform
    assert terragrunt
    check_units(checkout, str(terragrunt.terragrunt), findings)
    return findings


def test_the_units_are_named_with_their_commit(tmp_path: Path) -> None:
    files = {"live/prod/vpc/terragrunt.hcl": UNIT, "live/prod/app/terragrunt.hcl": UNIT}
    findings = findings_of(tmp_path, files, "{terragrunt: live/prod}")
    assert findings.facts == ["prod: 2 units in live/prod (app, vpc) at aaaaaaa"]
    assert not findings.problems


def test_units_of_a_stack_file_are_units(tmp_path: Path) -> None:
    files = {"live/prod/terragrunt.stack.hcl": STACK, "catalog/vpc/terragrunt.hcl": UNIT}
    assert findings_of(tmp_path, files, "{terragrunt: live/prod}").facts == [
        "prod: 1 units in live/prod (vpc) at aaaaaaa"
    ]


def test_a_stack_of_the_configuration_may_be_a_generated_unit(tmp_path: Path) -> None:
    files = {"live/prod/terragrunt.stack.hcl": STACK, "catalog/vpc/terragrunt.hcl": UNIT}
    terraform = "{stacks: {vpc: {terragrunt: live/prod/.terragrunt-stack/vpc}}}"
    findings = findings_of(tmp_path, files, terraform, "prod/vpc")
    assert not findings.problems
    wrong = findings_of(tmp_path, files, terraform.replace("/vpc}", "/vcp}"), "prod/vpc")
    assert "has no terragrunt.hcl" in wrong.problems[0][0]


def test_why_an_order_is_unknown_is_a_fact(tmp_path: Path) -> None:
    files = {
        "live/prod/terragrunt.stack.hcl": STACK.replace("../../catalog/vpc", "git::ssh://git@example.com/units.git")
    }
    findings = findings_of(tmp_path, files, "{terragrunt: live/prod}")
    assert "prod: the order of vpc is unknown: its source is not in this repository" in findings.facts[0]
    assert "single units can be planned" in findings.facts[0]
    assert not findings.problems


@pytest.mark.parametrize(
    ("terraform", "environment", "problem", "remedy"),
    [
        (
            "{terragrunt: live/prd}",
            "prod",
            "environments.prod.terraform.terragrunt: live/prd has no units",
            "live/prod",
        ),
        (
            "{stacks: {vpc: {terragrunt: live/prod/vcp}}}",
            "prod/vpc",
            "environments.prod.terraform.stacks.vpc.terragrunt: live/prod/vcp has no terragrunt.hcl",
            "live/prod/vpc",
        ),
    ],
)
def test_a_wrong_directory_has_the_nearest_one(
    terraform: str, environment: str, problem: str, remedy: str, tmp_path: Path
) -> None:
    files = {"live/prod/vpc/terragrunt.hcl": UNIT, "live/stage/vpc/terragrunt.hcl": UNIT}
    findings = findings_of(tmp_path, files, terraform, environment)
    [(what, instead)] = findings.problems
    assert what.startswith(problem)
    assert instead.startswith(f"There is {remedy}")
