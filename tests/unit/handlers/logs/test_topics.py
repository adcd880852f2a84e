"""/infra logs, console and journal, as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config import read as read_config
from bot.errors import Denied, UserError
from bot.slack.client import Posted
from bot.store.operations import Request
from handlers.logs import console, journal, operation_logs
from handlers.logs.delivery import MOST, Log, deliver
from handlers.shared.operation_logs import LogSource
from runners.results import Host, HostSettings
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import FILE, Desk, typed
from tests.unit.runners.ec2_world import HOME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.aws.client import Account
    from runners.results import Inventory

DISK = "TASK [copy] ***\ntar: x: Cannot write: No space left on device\nthe end"
WITH = FILE.replace(
    "    terraform: {directory: instances/staging,",
    "    daemons: {backend: [queue]}\n    terraform: {directory: instances/staging,",
)
HIDDEN = FILE.replace(
    'operators: ["usergroup:S0INFRA"]',
    'operators: ["usergroup:S0LEADS"], roles: {dev: {people: ["usergroup:S0INFRA"], may: [see, plan], environments: [dev]}}',
)


class Files:
    """Notes what is uploaded, and where."""

    def __init__(self, desk: Desk) -> None:
        self.taken: list[tuple[Posted, str, str]] = []
        chat = desk.services.chat
        for name in ("upload", "has_file", "direct_messages"):
            setattr(chat, name, getattr(self, name))

    async def upload(self, at: Posted, *, filename: str, title: str, content: str) -> None:
        assert title
        self.taken.append((at, filename, content))

    async def has_file(self, at: Posted, filename: str) -> bool:
        return any((at, filename) == taken[:2] for taken in self.taken)

    async def direct_messages(self, user: str) -> str:
        return f"D{user}"


@pytest.fixture
def files(desk: Desk) -> Files:
    return Files(desk)


async def begun(desk: Desk, environment: str = "staging") -> int:
    request = Request(
        f"key {environment}", "deploy", environment, "U0ANA", f"Deploy to {environment}", "C0DEV", {"ref": "main"}
    )
    number = await desk.operations.create(request)
    await desk.operations.set_message(number, "C0DEV", f"{number}.1")
    return number


def sources(monkeypatch: pytest.MonkeyPatch, *those: LogSource) -> None:
    async def of(*_: object) -> Sequence[LogSource]:
        return those

    monkeypatch.setattr(operation_logs, "sources_of", of)


def source(name: str, text: str, *, failed: bool = False, hosts: tuple[str, ...] = ()) -> LogSource:
    async def content() -> str:
        return text

    return LogSource(name, "failed" if failed else "succeeded", "https://github.com/o/r/job/1", content, failed, hosts)


async def test_the_first_that_failed_is_quoted_and_in_the_thread(
    desk: Desk, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await begun(desk)
    sources(monkeypatch, source("cron", DISK, failed=True), source("backend", "ok: all\n"))
    text = read(await operation_logs.topic(desk.services, typed(""), [f"#{number}"]))
    assert "Likely cause: the disk is full" in text
    assert "> tar: x: Cannot write" in text
    assert f"the thread of #{number}" in text
    assert files.taken == [(Posted("C0DEV", f"{number}.1"), f"log-cron-of-{number}.txt", DISK)]
    assert "No line looks like a failure" in read(
        await operation_logs.topic(desk.services, typed(""), [str(number), "backend"])
    )
    await operation_logs.topic(desk.services, typed(""), [str(number)])
    assert files.taken[2][1] != files.taken[0][1], "a second file of the same log has its own name"


async def test_a_host_and_the_nearest_name(desk: Desk, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    number = await begun(desk)
    text = "web-1: copy (a.yml:3)\nNo space left on device\nweb-2: copy (a.yml:3)\nfine"
    sources(monkeypatch, source("web", text, failed=True, hosts=("web-1", "web-2")))
    await operation_logs.topic(desk.services, typed(""), [str(number), "web-2"])
    assert files.taken[0][2] == "web-2: copy (a.yml:3)\nfine"
    with pytest.raises(UserError, match="did you mean “web-1”"):
        await operation_logs.topic(desk.services, typed(""), [str(number), "wbe-1"])


async def test_what_cannot_be_read_is_answered_in_a_line(
    desk: Desk, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await begun(desk)
    sources(monkeypatch, source("cron", ""), source("web", "x"))
    with pytest.raises(UserError, match=r"There is no log of cron of #1 \(any more\).*Others: web\."):
        await operation_logs.topic(desk.services, typed(""), [str(number), "cron"])
    sources(monkeypatch)
    with pytest.raises(UserError, match="#1 has no log that I could read"):
        await operation_logs.topic(desk.services, typed(""), [str(number)])
    for words in ([], ["x"], ["9" * 12]):
        with pytest.raises(UserError, match="Which operation or run"):
            await operation_logs.topic(desk.services, typed(""), words)
    assert not files.taken


async def test_hidden_operations_and_foreign_repositories_are_unknown(
    desk: Desk, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await begun(desk, "prod")
    desk.config = read_config(HIDDEN, "signalbox.yaml")
    sources(monkeypatch, source("cron", DISK))
    for wanted in (str(number), "77"):
        with pytest.raises(UserError, match=f"There is no operation #{wanted} that you may see"):
            await operation_logs.topic(desk.services, typed(""), [wanted])
    run = "https://github.com/o/r/actions/runs/4711"
    with pytest.raises(UserError, match="belongs to no operation that you may see"):
        await operation_logs.topic(desk.services, typed(""), [run])
    await desk.services.run_claims.claim(number, 4711)
    with pytest.raises(UserError, match="no operation #1 that you may see"):
        await operation_logs.topic(desk.services, typed(""), [f"{run}/job/3"])
    for url in ("https://github.com/o/other/actions/runs/1", "https://evil.test/x/y/actions/runs/1?a=b"):
        with pytest.raises(UserError, match="configured repositories only"):
            await operation_logs.topic(desk.services, typed(""), [url])
    assert not files.taken


async def test_a_long_log_is_cut_to_its_end_after_it_was_redacted(desk: Desk, files: Files) -> None:
    secret = "ghp_" + "a" * 36
    text = f"{secret}\n" + "a line\n" * (MOST // 6) + f"{secret}\nend"
    await deliver(desk.services, "U0ANA", Log("x", text))
    ((at, _, content),) = files.taken
    assert at == Posted("DU0ANA", "")
    assert content.startswith("(the last 1 MB)\na line")
    assert content.endswith("[redacted]\nend")
    assert len(content) <= MOST + 100


async def test_the_journal_takes_configured_names_only(desk: Desk, files: Files) -> None:
    desk.config = read_config(WITH, "signalbox.yaml")
    wrong = {
        "staging": "On which machine type",
        "staging backnd queue": "did you mean “backend”",
        "staging backend queu": "did you mean “queue”",
        "staging backend queue;reboot": "no daemon",
        "staging backend queue 0": "no number of lines",
        "staging backend queue 99999": "no number of lines from 1 to 5,000",
        "dev backend queue": "does not deploy through Ansible",
    }
    for text, why in wrong.items():
        with pytest.raises(UserError, match=why):
            await journal.topic(desk.services, typed(text), text.split())
    with pytest.raises(Denied):
        await journal.topic(desk.services, typed("", "U0BOB"), ["staging", "backend", "queue"])
    assert not files.taken


async def test_the_console_of_an_instance(
    desk: Desk, files: Files, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.aws = account.clients(HOME)
    ec2 = desk.aws.ec2
    (made,) = ec2.run_instances(
        ImageId="ami-12c6146b",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "type", "Value": "staging backend"}]}],
    )["Instances"]
    instance = made["InstanceId"]
    text = read(await console.topic(desk.services, typed(""), [instance]))
    assert f"the console of {instance}" in text
    assert files.taken[0][0] == Posted("DU0ANA", "")
    assert "Linux version" in files.taken[0][2]
    inventory = HostSettings("u").inventory(
        "staging", (Host("staging-backend", "backend", instance, "10.0.0.1", "ami-1", "a"),)
    )

    async def hosts(*_: object) -> Inventory:
        return inventory

    monkeypatch.setattr(console, "find_hosts", hosts)
    await console.topic(desk.services, typed(""), ["staging-backend"])
    with pytest.raises(UserError, match="did you mean “staging-backend”"):
        await console.topic(desk.services, typed(""), ["staging-backnd"])
    desk.config = read_config(HIDDEN, "signalbox.yaml")
    for unseen in (instance, "i-0123456789abcdef0"):
        with pytest.raises(UserError, match=f"There is no instance {unseen} that you may see"):
            await console.topic(desk.services, typed(""), [unseen])
