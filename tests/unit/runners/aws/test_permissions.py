"""The documented permissions are those of the calls that the code makes, as botocore names them."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name

from tests.unit.runners.aws.images import users
from tests.unit.runners.aws.images.listed import listed_images
from tests.unit.runners.aws.images.removals import NOW, deletable, go
from tests.unit.runners.ec2_world import image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.aws.client import Account
    from sandbox.aws_services import AwsServices

PROJECT = Path(__file__).parents[4]
AWS = PROJECT / "runners" / "aws"
SERVICES = ("ec2", "autoscaling", "ssm", "imagebuilder", "backup", "rbin", "sts", "iam", "pricing")
# The account's number; and the volumes of builds, which a clean-up of images lists and deletes too.
OF_IMAGES = {"sts:GetCallerIdentity", "ec2:DescribeVolumes", "ec2:DeleteVolume"}


def actions() -> dict[str, str]:
    """The IAM action of each method of these services' clients, by the method's name."""
    session = botocore.session.get_session()
    named: dict[str, str] = {}
    for service in SERVICES:
        model = session.get_service_model(service)
        named |= {xform_name(operation): f"{model.signing_name}:{operation}" for operation in model.operation_names}
    return named


def called(folder: Path) -> set[str]:
    """The actions of all methods that the code of a folder names, called or handed to a paginator."""
    by_method = actions()

    def names(tree: ast.AST) -> Iterator[str]:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value

    words = (name for file in folder.glob("*.py") for name in names(ast.parse(file.read_text())))
    return {by_method[name] for name in words if name in by_method}


def documented(page: str) -> set[str]:
    text = (PROJECT / "docs" / page).read_text().partition("## AWS permissions")[2]
    return set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", text))


@pytest.mark.parametrize(
    ("page", "folder", "more"), [("old-images.md", "images", OF_IMAGES), ("builders.md", "builders", set())]
)
def test_the_documented_permissions_are_those_of_the_code(page: str, folder: str, more: set[str]) -> None:
    # IAM is called by `delete_profile` alone, which no setting turns on.
    without_iam = {action for action in called(AWS / folder) if not action.startswith("iam:")}
    assert documented(page) == without_iam | more


async def test_the_calls_of_a_listing_and_a_removal_are_documented(account: Account, aws_services: AwsServices) -> None:
    removal = await deletable(account)
    used = image(account, "staging", NOW - timedelta(days=99))
    users.recipes(aws_services, users.built(aws_services, used))
    users.container_recipe(aws_services, "prod-abcdefgh12345")
    users.recovery_point(aws_services, used)
    users.parameter(account, "/images/web", used)
    made: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        made.add(f"{model.service_model.signing_name}:{model.name}")

    for region in account.regions:
        for service in SERVICES:
            account.client(service, region).meta.events.register("after-call.*.*", note)
    await listed_images(account)
    await go(account, removal)
    assert made <= documented("old-images.md")
    assert len(made) > 20
