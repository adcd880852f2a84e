"""What features offer each other: the requests that begin their operations, and annotations that others read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.operations.registry import FollowUp
from bot.operations.requests import OperationRequest
from bot.slack.blocks import kit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.config import Environment
    from bot.config.models.deploy import Deploy

DEPLOY_AFTER = "deploy-after"
CODE_DEPLOY = FollowUp(DEPLOY_AFTER, "after-", "code deploy")  # the deploy that an apply of older images requires
REF = "-ref"  # an argument of plans: the ref in place of the configured one
UNIT = "-unit"  # an argument of plans: the path of a unit of Terragrunt, below the directory that the environment names
RECIPIENTS = "-for"  # an argument of the plans of all stacks: JSON, the stacks that get each variable
HCL = "-hcl"  # an argument of plans: the variables whose value is HCL, separated by blanks
IMAGES_BACK = "-images-back"  # an argument of plans: JSON, the operation whose image each role leaves again
INTERNAL = frozenset({UNIT, RECIPIENTS, HCL, IMAGES_BACK})  # arguments that nobody types
VALUE = 60  # characters of a variable's value in a title
PLANNED_IMAGE = "image"  # annotations of a plan: the images that it would roll out
IMAGE_BEFORE = "image before"  # annotations of an apply: each role that got another image, and the image that it had
IMAGES_BACK_ACTION = "roll-back-images"  # the button under an apply that rolled out images


def default_ref(environment: Environment) -> str:
    """The ref that a deploy without a ref deploys. Raises UserError where nothing is deployed."""
    return deploy_of(environment).settings.ref


def deploy_of(environment: Environment) -> Deploy:
    """How the environment's code is deployed. Raises UserError where it is not."""
    if environment.deploy is None:
        raise UserError(f"{environment.name} has no deploy in the configuration.")
    return environment.deploy


def deploy_request(environment: Environment, ref: str, user: str, key: str) -> OperationRequest:
    """The request to deploy `ref` to all machines of the environment."""
    return OperationRequest("deploy", f"Deploy {ref} to {environment.name}", user, key, environment, {"ref": ref})


def plan_request(
    environment: Environment, user: str, key: str, arguments: Mapping[str, str] | None = None
) -> OperationRequest:
    """The request to plan the environment, with variables and addresses as /plan stores them.

    It only reads until it is approved. A unit of Terragrunt has a queue of its own, so that its plans supersede those of the same unit only.
    """
    arguments = arguments or {}
    unit = [arguments[UNIT]] if UNIT in arguments else []
    title = " ".join(["Plan for", environment.name, *unit, *words_of(arguments)])
    return OperationRequest("plan", title, user, key, environment, arguments, lane_of(arguments), reads=True)


def words_of(arguments: Mapping[str, str]) -> list[str]:
    """A plan's arguments as a title has them; a long value is cut, and so are maps and lists: the message has all of it."""
    short = {name: f"{arguments[name][:1]}…{arguments[name][-1:]}" for name in arguments.get(HCL, "").split()}
    cut = {name: value if name.startswith("-") else kit.cut(value, VALUE) for name, value in arguments.items()}
    return [f"{name}={value}" for name, value in {**cut, **short}.items() if name not in INTERNAL]


def lane_of(arguments: Mapping[str, str]) -> str:
    """The lane of an operation with these arguments: "unit network:vpc" for the unit network/vpc; else empty."""
    return f"unit {arguments[UNIT].replace('/', ':')}" if UNIT in arguments else ""
