"""The button "Retry failed hosts" under a deploy by Ansible: the same commit again, on the hosts that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.access import inputs, policy
from bot.errors import UserError
from bot.operations.registry import Button, Click, FollowUp
from bot.operations.requests import OperationRequest
from handlers.deploy.ansible.rollout_end import COMMIT, RETRY
from handlers.deploy.ansible.views import RETRY as RETRY_ACTION
from handlers.deploy.arguments import HOSTS, SHORT_SHA
from handlers.deploy.rollback import BACK
from handlers.shared.clicks import clicked, start_follow_up
from runners import phrases

if TYPE_CHECKING:
    from bot.services import Services

RETRIED = FollowUp(RETRY_ACTION, "retry-", "retried")


async def retry(services: Services, click: Click) -> None:
    """Begin a deploy of these hosts alone, once; it needs approval as any deploy."""
    record = await clicked(services, click)
    environment = policy.environment_of(services.config, record.environment)
    instances = await services.annotations.values_of(record.number, RETRY)
    commits = await services.annotations.values_of(record.number, COMMIT)
    if not instances or not commits:
        raise UserError(f"#{record.number} left no host to retry.")
    hosts = phrases.counted(len(instances), "failed host")
    title = inputs.titled(
        f"Deploy {commits[0][:SHORT_SHA]} to {hosts} of {environment.name}", inputs.given(record.arguments)
    )
    given = inputs.given(record.arguments)
    back = {BACK: record.arguments[BACK]} if BACK in record.arguments else {}  # it passes the order of environments
    arguments = {"ref": commits[0], HOSTS: ",".join(sorted(instances)), **back, **inputs.stored(given)}
    key = RETRIED.key(record.number)
    request = OperationRequest("deploy", title, click.user, key, environment, arguments)
    begun = "The retry was begun"
    await start_follow_up(services, RETRIED, record, request, begun=begun, attempt="retry failed hosts")


BUTTONS = (Button(RETRY_ACTION, retry),)
FOLLOW_UPS = (RETRIED,)
