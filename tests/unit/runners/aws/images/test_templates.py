"""Launch templates: which of their versions somebody means, and images that are named by a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from runners.aws.images.templates import Templates
from tests.unit.runners.ec2_world import HOME

if TYPE_CHECKING:
    from runners.aws.client import Account

ONE, TWO, THREE = (f"ami-{number:017x}" for number in (1, 2, 3))


def versions(*images: str) -> dict[str, Any]:
    return {
        "LaunchTemplateVersions": [
            {"VersionNumber": number, "LaunchTemplateData": {"ImageId": image}}
            for number, image in enumerate(images, 1)
        ]
    }


def stubbed(account: Account, *answers: tuple[dict[str, Any], dict[str, Any]]) -> Stubber:
    stubber = Stubber(account.ec2(HOME))
    template = {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "web"}
    numbers = {"DefaultVersionNumber": 1, "LatestVersionNumber": 3}
    stubber.add_response("describe_launch_templates", {"LaunchTemplates": [template | numbers]})
    for asked, answer in answers:
        stubber.add_response(
            "describe_launch_template_versions", answer, {"LaunchTemplateId": "lt-1", "MaxResults": 200, **asked}
        )
    return stubber


def read(account: Account, *answers: tuple[dict[str, Any], dict[str, Any]]) -> Templates:
    templates = Templates(account.ec2(HOME), {ONE, TWO, THREE})
    with stubbed(account, *answers) as stubber:
        templates.read()
        stubber.assert_no_pending_responses()
    return templates


@pytest.mark.parametrize(
    ("specification", "images"),
    [
        ({"LaunchTemplateId": "lt-1", "Version": "2"}, (TWO,)),
        ({"LaunchTemplateName": "web", "Version": "$Latest"}, (THREE,)),
        ({"LaunchTemplateName": "web", "Version": "$Default"}, (ONE,)),
        ({"LaunchTemplateId": "lt-1"}, (ONE,)),
        ({"LaunchTemplateId": "lt-1", "Version": "9"}, ()),
        ({"LaunchTemplateName": "gone"}, ()),
        ({}, ()),
    ],
)
def test_a_version_is_found_as_others_refer_to_it(
    account: Account, specification: dict[str, str], images: tuple[str, ...]
) -> None:
    assert read(account, ({}, versions(ONE, TWO, THREE))).named(specification) == images


def test_all_versions_are_told_and_what_nobody_asked_for_is_not_kept(account: Account) -> None:
    templates = read(account, ({}, versions(ONE, "ami-00000000000000099", THREE)))
    assert list(templates.uses()) == [
        (ONE, "launch template web, version 1"),
        (THREE, "launch template web, version 3"),
    ]


def test_pages_of_versions_are_read(account: Account) -> None:
    more = {"LaunchTemplateVersions": [{"VersionNumber": 300, "LaunchTemplateData": {"ImageId": TWO}}]}
    templates = read(account, ({}, {**versions(ONE), "NextToken": "more"}), ({"NextToken": "more"}, more))
    assert [used for used, _ in templates.uses()] == [ONE, TWO]


def test_an_image_named_by_a_parameter_is_handed_on_to_be_resolved(account: Account) -> None:
    alias = "resolve:ssm:/images/web"
    templates = read(account, ({}, versions(ONE, alias)))
    assert [used for used, _ in templates.uses()] == [ONE, alias]


def test_fleets_name_templates_and_images_of_their_own(account: Account) -> None:
    templates = read(account, ({}, versions(ONE, TWO, THREE)))
    configs: list[dict[str, Any]] = [
        {"LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1", "Version": "2"}},
        {"Overrides": [{"ImageId": THREE}, {"InstanceType": "t3.micro"}]},
        {"Overrides": [{"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": "snap-1"}}]}]},
    ]
    assert templates.of_configs(configs) == {TWO, THREE, "snap-1"}
