"""The modal of /deploy without arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack.blocks import modals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack.blocks.kit import Block


TITLE = "Deploy"


def deploy_modal(environments: Sequence[str], channel: str) -> Block:
    """Asks for environment and ref; `channel` comes back with the submission."""
    return modals.modal(
        "deploy",
        [
            modals.one_of("environment", "Environment", [(name, name) for name in environments]),
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
