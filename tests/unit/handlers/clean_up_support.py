"""A clean-up of images whose operation is run by the test; EC2 is moto."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from bot.access.policy import target_of
from bot.config.targets import IMAGES
from bot.operations.registry import Click
from bot.slack.blocks import kit
from bot.slack.blocks.common import ApprovalView, Head
from bot.slack.client import Posted
from bot.store.approvals import Outcome
from bot.store.operations import Request, Status
from handlers.images import clean_up
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import FILE
from tests.unit.runners.ec2_world import HOME, image

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.operations.operation import Operation
    from bot.slack.blocks.kit import Message
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

KEEPS_ONE = FILE.replace(
    "images: {workflow: build.yml}", "images: {workflow: build.yml, keep: {newest: 1, younger_than: 1s}}"
)


DISABLES = KEEPS_ONE.replace("younger_than: 1s", "younger_than: 1s, disable_first: 2d")
LONG_AFTER = 4_000_000_000.0  # moto's images are made now


def three_images(account: Account, name_tag: str = "backend-staging") -> list[str]:
    """The oldest first; only the last one is kept by the rule."""
    return [image(account, name_tag, datetime(2026, 11, day, tzinfo=UTC)) for day in (1, 2, 3)]


def there(account: Account) -> set[str]:
    return {
        describe_image["ImageId"] for describe_image in account.ec2(HOME).describe_images(Owners=["self"])["Images"]
    }


class CleanUp:
    """The operation; `decide` is called for each question, and gives how it was settled."""

    def __init__(self, desk: Desk, number: int, *decide: Callable[[Message], Awaitable[Outcome] | Outcome]) -> None:
        self.services, self.number = desk.services, number
        self.head = Head(number, "Clean up old images", IMAGES, "U0ANA")
        self.record = SimpleNamespace(kind="clean up", requester="U0ANA", arguments={})
        self.target, self.at = target_of(desk.config, IMAGES), Posted("C0OPS", "5.0")
        self.shown: list[Message] = []
        self.ended: tuple[Status, Message] | None = None
        self.bindings: list[str] = []
        self._desk, self._decide = desk, list(decide)
        cast("Any", self.services.engine).wait = self._wait

    async def _wait(self, seconds: float, _watch: object = None) -> None:
        self._desk.now += seconds
        if self._desk.later:
            await self._desk.later.pop(0)()

    async def check_authorized(self, what: str) -> None:
        """Tests of attacks say what it refuses."""

    async def step(self, _: str, function: Any) -> Any:
        return await function()

    async def show(self, _: str, message: Message, __: Status, ___: str = "") -> None:
        self.shown.append(message)

    async def audit(self, action: str, **detail: str) -> None:
        assert action
        assert all(isinstance(value, str) for value in detail.values())

    async def approved(self, binding: str, required: int, render: Callable[[ApprovalView], Message]) -> ApprovalView:
        assert required == 1
        self.bindings.append(binding)
        view = ApprovalView("id", required, "pending", (), self._desk.now + 60, kit.group("S0LEADS"))
        message = render(view)
        self.shown.append(message)
        await self._desk.operations.set_status(self.number, Status.APPROVAL)
        outcome = self._decide.pop(0)(message)
        finished = outcome if isinstance(outcome, Outcome) else await outcome
        return replace(view, outcome=finished.value)

    async def end(self, status: Status, message: Message, *, outcome: str = "") -> None:
        del outcome
        self.ended = (status, message)

    async def run(self) -> str:
        await clean_up.clean_up(cast("Operation", self))
        assert self.ended is not None
        return read(self.ended[1])


async def begun(desk: Desk) -> int:
    number = await desk.operations.create(Request("k", "clean up", IMAGES, "U0ANA", "Clean up", "C0OPS", {}))
    await desk.operations.set_message(number, "C0OPS", "5.0")
    return number


def pressed(number: int, user: str, action: str) -> Click:
    return Click(user, "C0OPS", "5.0", action, str(number), "1.2", "")
