"""Whatever uses images, in any combination: none that is used, managed, protected or in doubt can be deleted, or is removed.

The reference is the plan that the example was made from: it never reads AWS.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runners.aws.client import Account
from runners.aws.images.listing import list_images
from runners.aws.images.removal import remove
from runners.results import Outcome, Retention
from tests.unit.runners.aws.images import users
from tests.unit.runners.aws.images.listed import NOW, template
from tests.unit.runners.aws.images.removals import GROUP, LONG, RULES
from tests.unit.runners.ec2_world import HOME, aws_within, image, listed_tags, refuse

if TYPE_CHECKING:
    from runners.results import ImageList
    from sandbox.aws_services import AwsServices

IMAGES = 6
# Each kind of user, or of protection, by what it does to an image that has no other.
KEEPS = {
    "instance": Retention.IN_USE,
    "template": Retention.IN_USE,
    "configuration": Retention.IN_USE,
    "override": Retention.IN_USE,
    "fleet": Retention.IN_USE,
    "spot": Retention.IN_USE,
    "parameter": Retention.IN_USE,
    "alias": Retention.IN_USE,
    "recipe": Retention.IN_USE,
    "container": Retention.IN_USE,
    "backup": Retention.MANAGED,
    "tag": Retention.BY_RULE,
}
DENIED = (
    ("ec2", "DescribeFleets"),
    ("ec2", "DescribeInstances"),
    ("autoscaling", "DescribeAutoScalingGroups"),
    ("ssm", "DescribeParameters"),
    ("imagebuilder", "ListImageRecipes"),
    ("backup", "ListBackupVaults"),
    ("rbin", "ListRules"),
)


@dataclass(frozen=True)
class Plan:
    """Which kinds keep which images, by number from the oldest; and a call that AWS forbids."""

    of_kind: dict[str, int]
    denied: tuple[str, str] | None

    def expected(self, number: int) -> Retention:
        """The reference."""
        kinds = self._kinds(number)
        for retention in (Retention.IN_USE, Retention.MANAGED):
            if retention in kinds:
                return retention
        if number == max(each for each in range(IMAGES) if Retention.MANAGED not in self._kinds(each)):
            return Retention.NEWEST
        if kinds:
            return kinds.pop()
        return Retention.UNKNOWN if self.denied else Retention.DELETABLE

    def _kinds(self, number: int) -> set[Retention]:
        return {KEEPS[kind] for kind, of in self.of_kind.items() if of == number and not self._unread(kind)}

    def _unread(self, kind: str) -> bool:
        reads = {
            "instance": "DescribeInstances", "override": "DescribeAutoScalingGroups", "fleet": "DescribeFleets",
            "parameter": "DescribeParameters", "recipe": "ListImageRecipes", "container": "ListImageRecipes",
            "backup": "ListBackupVaults",
        }  # fmt: skip
        return self.denied is not None and reads.get(kind) == self.denied[1]


plans = st.builds(
    Plan,
    st.dictionaries(st.sampled_from(sorted(KEEPS)), st.integers(0, IMAGES - 1), max_size=6),
    st.none() | st.sampled_from(DENIED),
)


def make(account: Account, services: AwsServices, plan: Plan) -> list[str]:
    made = [image(account, "staging", NOW - timedelta(days=200 - number)) for number in range(IMAGES)]
    if plan.denied:  # first: of two answers to a call, the one that was prepared earlier is given
        refuse(account.client(plan.denied[0], HOME), plan.denied[1], "AccessDeniedException")
    ec2: Any = account.ec2(HOME)
    used = {kind: made[number] for kind, number in plan.of_kind.items()}
    acts: dict[str, Any] = {
        "instance": lambda each: ec2.run_instances(ImageId=each, MinCount=1, MaxCount=1),
        "template": lambda each: template(account, each),
        "configuration": lambda each: account.client("autoscaling", HOME).create_launch_configuration(
            LaunchConfigurationName="lc", ImageId=each, InstanceType="t3.micro"
        ),
        "override": lambda each: users.mixed_instances(account, {}, {"ImageId": each}),
        "spot": lambda each: users.spot_request(account, {"ImageId": each}),
        "parameter": lambda each: users.parameter(account, "/images/typed", each),
        "recipe": lambda each: users.recipes(services, "prod-abcdefgh12345", each),
        "container": lambda each: users.container_recipe(services, each),
        "backup": lambda each: users.recovery_point(services, each),
        "tag": lambda each: ec2.create_tags(Resources=[each], Tags=listed_tags({"signalbox:keep": ""})),
    }
    for kind, each in used.items():
        if kind in acts:
            acts[kind](each)
    overrides = [{"ImageId": used["fleet"]}] if "fleet" in used else []
    if "alias" in used:
        users.parameter(account, "/images/alias", used["alias"], kind="text")
        overrides.append({"ImageId": "resolve:ssm:/images/alias"})
    if overrides:
        users.fleet(account, *overrides)
    return made


@pytest.mark.slow("each example makes six images in moto, lists them, and tries to remove five")
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans)
async def test_no_image_that_something_needs_is_deletable_or_removed(
    monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    plan = _without_hidden_alias(plan)
    with monkeypatch.context() as patches, aws_within(patches) as services:
        account = Account((HOME,), attempts=1)
        made = make(account, services, plan)
        listing = await list_images(account, [GROUP], RULES)
        assert _states(listing, made) == [plan.expected(number) for number in range(IMAGES)]
        everything = {each.image_id: each.removal for each in listing.images}
        for number, image_id in enumerate(made[:-1]):
            done = await remove(account, everything[image_id], RULES, polling=LONG)
            removed = done.steps[0].outcome is Outcome.DONE
            assert removed == (plan.expected(number) is Retention.DELETABLE), done
        owned = account.ec2(HOME).describe_images(Owners=["self"])["Images"]
        needed = {each for number, each in enumerate(made) if plan.expected(number) is not Retention.DELETABLE}
        assert {each["ImageId"] for each in owned} == needed


def _without_hidden_alias(plan: Plan) -> Plan:
    """An alias is in a fleet: where fleets cannot be read, so can it not."""
    hidden = plan.denied is not None and plan.denied[1] == "DescribeFleets"
    kinds = {kind: of for kind, of in plan.of_kind.items() if not (hidden and kind == "alias")}
    return Plan(kinds, plan.denied)


def _states(listing: ImageList, made: list[str]) -> list[Retention]:
    by_id = {each.image_id: each.retention for each in listing.images}
    return [by_id[each] for each in made]
