"""Fingerprints of plans, and the addresses in a plan."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runners import terraform
from runners.errors import ProgramMissingError
from runners.results import AttributeChange, Change, Diagnostic, PlanSummary, ResourceChange
from runners.terraform.json_plan import decode
from runners.terraform.planning import fingerprint
from runners.terraform.summary import has_address

if TYPE_CHECKING:
    from pathlib import Path

SIZE = AttributeChange("size", "small", "large")
ARN = AttributeChange("arn", "arn:1", "(known after apply)")
WEB = ResourceChange("aws_instance.web", "aws_instance", Change.UPDATE, (SIZE, ARN))
DB = ResourceChange("aws_db_instance.db", "aws_db_instance", Change.DELETE)
SUMMARY = PlanSummary("d1", "terraform 1.11.4", (WEB,), (AttributeChange("o", "a", "b"),), (DB, WEB), resources=7)


@pytest.mark.parametrize(
    "same",
    [
        replace(SUMMARY, digest="d2", program="tofu 1.9.0", resources=8),
        replace(SUMMARY, warnings=(Diagnostic("warning", "Deprecated"),)),
        replace(SUMMARY, drift=(WEB, DB)),
        replace(SUMMARY, changes=(replace(WEB, attributes=(ARN, SIZE)),)),
        replace(SUMMARY, changes=(replace(WEB, reason="marked as tainted"),)),
    ],
    ids=["another plan file", "a warning", "drift in another order", "attributes in another order", "a reason"],
)
def test_the_same_changes_have_one_fingerprint(same: PlanSummary) -> None:
    assert fingerprint(same) == fingerprint(SUMMARY)


@pytest.mark.parametrize(
    "other",
    [
        replace(SUMMARY, drift=()),
        replace(SUMMARY, drift=(WEB,), changes=(DB, WEB)),
        replace(SUMMARY, changes=(replace(WEB, change=Change.REPLACE),)),
        replace(SUMMARY, changes=(replace(WEB, attributes=(ARN,)),)),
        replace(SUMMARY, changes=(replace(WEB, attributes=(replace(SIZE, after="huge"), ARN)),)),
        replace(SUMMARY, outputs=()),
    ],
    ids=["no drift", "drift that is a change", "another change", "an attribute less", "another value", "no output"],
)
def test_other_changes_have_another(other: PlanSummary) -> None:
    assert fingerprint(other) != fingerprint(SUMMARY)


PLAN = decode(
    {
        "resource_changes": [
            {"address": 'aws_instance.web["a"]', "change": {"actions": ["no-op"]}},
            {"address": "module.net[0].aws_subnet.a", "change": {"actions": ["create"]}},
        ],
        "configuration": {"root_module": {"module_calls": {"empty": {}}}},
    }
)


@pytest.mark.parametrize(
    ("address", "present", "exactly"),
    [
        ("aws_instance.web", True, False),
        ('aws_instance.web["a"]', True, True),
        ('aws_instance.web["b"]', False, False),
        ("aws_instance.we", False, False),
        ("module.net", True, False),
        ("module.net[0]", True, False),
        ("module.net[1]", False, False),
        ("module.empty", True, False),
        ("module.emp", False, False),
        ("data.aws_ami.any", True, False),
        ("module.net.data.aws_ami.any", True, False),
        ("terraform_data.any", False, False),
    ],
)
def test_an_address_is_known_when_something_is_there(address: str, present: bool, exactly: bool) -> None:
    assert has_address(PLAN, address, exactly=False) is present
    assert has_address(PLAN, address, exactly=True) is exactly


def test_a_plan_without_code_or_changes_knows_nothing() -> None:
    assert not has_address(decode({}), "module.a", exactly=False)


@pytest.mark.parametrize(
    ("name", "version", "fits"),
    [
        ("terraform", "1.4.7", False),
        ("terraform", "0.15.5", False),
        ("terraform", "1.5.0", True),
        ("terraform", "v1.10.0-rc1", True),
        ("terraform", "2.0.0", True),
        ("tofu", "1.5.9", False),
        ("tofu", "1.6.0", True),
        ("tofu", "nonsense", False),
    ],
)
async def test_a_program_that_is_too_old_is_refused_in_words(
    name: str, version: str, fits: bool, tmp_path: Path
) -> None:
    program = tmp_path / name
    program.write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n')
    program.chmod(0o755)
    if fits:
        assert (await terraform.find_program(str(program), os.environ["PATH"])).version == version
        return
    with pytest.raises(
        ProgramMissingError, match=rf"{name} {version} is too old: Signalbox needs {name} 1\.[56] or newer"
    ):
        await terraform.find_program(str(program), os.environ["PATH"])
