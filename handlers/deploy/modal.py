"""The modal of /deploy without arguments, and its page for the inputs of an environment."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from bot.slack.blocks import kit, modals
from handlers.shared import input_views

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.slack.blocks.kit import Block
    from runners.github.runs.workflow_file import Input


TITLE = "Deploy"
INPUTS = "deploy-inputs"  # the callback of the second page


def deploy_modal(environments: Sequence[str], channel: str, chosen: str = "") -> Block:
    """Asks for environment, of which `chosen` is preselected, and ref; `channel` comes back with the submission."""
    return modals.modal(
        "deploy",
        [
            modals.one_of("environment", "Environment", [(name, name) for name in environments], chosen=chosen),
            modals.text(
                "ref",
                "Branch, tag or commit",
                longest=200,
                hint="Leave empty for the environment's usual branch.",
                optional=True,
            ),
        ],
        metadata=channel,
        title=TITLE,
        submit="Deploy",
        close="Cancel",
    )


def inputs_page(
    environment: str, ref: str, declared: Sequence[Input], given: Mapping[str, str] = MappingProxyType({})
) -> Block:
    """Asks for the inputs of a deploy of `ref` ("" for the default one); environment and ref come back with the submission.

    The inputs that were `given` already are filled in.
    """
    what = f"Deploy {kit.code(ref)} to" if ref else "Deploy to"
    head = f"{what} *{kit.escape(environment)}*"
    about = (environment, ref)
    return input_views.window(INPUTS, head, about, declared, title=TITLE, submit="Deploy", given=given)
