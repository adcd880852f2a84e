"""“Accept the new host key”: by whom, once, and what the trail keeps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bot.errors import Denied, UserError
from bot.operations.registry import Click
from bot.slack.blocks.common import Head
from bot.slack.client import Posted
from bot.store.host_keys import HostKeys
from bot.store.operations import Request
from handlers.deploy.ansible.views import frame
from handlers.deploy.views import Release
from handlers.shared.ansible import views
from handlers.shared.ansible.host_keys import accept
from runners.results import ChangedKey, Commit
from runners.ssh.host_keys import HostKey
from tests.unit.bot.drawn import buttons, read

if TYPE_CHECKING:
    from bot.services import Services
    from tests.unit.handlers.conftest import Desk

ED = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
OTHER = HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")


def pressed(user: str, number: int) -> Click:
    return Click(user, "C0STAGING", "1.0", "accept-host-keys", str(number), "1.2", "")


async def refused_deploy(desk: Desk) -> tuple[Services, int]:
    keys = HostKeys(desk.store, desk.clock)
    await keys.trust({"i-1": (ED,)})
    number = await desk.operations.create(Request("k", "deploy", "staging", "U0ANA", "Deploy", "C0STAGING", {}))
    await desk.operations.set_message(number, "C0STAGING", "1.0")
    await keys.record_changed(number, {"i-1": (OTHER,)})
    return cast("Services", SimpleNamespace(**vars(desk.services), host_keys=keys)), number


async def test_an_approver_accepts_it_once_and_the_trail_has_both_fingerprints(desk: Desk) -> None:
    services, number = await refused_deploy(desk)
    at = Posted("C0STAGING", "1.0")
    commit = Commit("o/r", "a" * 40, "main", "Subject", "Lee", "https://github.com/o/r")
    changed = ChangedKey("backend-1", "i-1", ED.fingerprint, OTHER.fingerprint)
    head = Head(number, "Deploy", "staging", "U0ANA")
    desk.chat.says[at] = views.keys_changed(frame(head, Release(commit, "not known", "Ansible"), None), [changed])
    assert "This is the same instance as before" in read(desk.chat.says[at])
    answer = await accept(services, pressed("U0LEE", number))
    assert buttons(desk.chat.says[at]) == []
    rendered = read(desk.chat.says[at])
    assert "the new host key accepted by @lee" in rendered
    assert "UTC. Run /deploy staging again: nothing has been deployed yet." in rendered.replace("`", "")
    assert "Accepted the new host key of i-1. Run /deploy staging again." in read(answer)
    assert await services.host_keys.trusted(["i-1"]) == {"i-1": (OTHER,)}
    (line,) = await desk.audit.read(newest=9)
    assert (line.entry.actor, line.entry.action, line.entry.operation) == ("U0LEE", "host key accepted", number)
    assert line.entry.detail == {"instance": "i-1", "before": ED.fingerprint, "now": OTHER.fingerprint}
    with pytest.raises(UserError, match="accepted already"):
        await accept(services, pressed("U0LEE", number))


async def test_whoever_may_not_approve_may_not_accept(desk: Desk) -> None:
    services, number = await refused_deploy(desk)
    with pytest.raises(Denied):
        await accept(services, pressed("U0ANA", number))
    assert await services.host_keys.trusted(["i-1"]) == {"i-1": (ED,)}
    assert await desk.audit_log() == [("U0ANA", "click refused")]
