"""/infra secrets: what is listed to whom, what is overdue first, what nobody has or names, and places that refuse."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.config import read as read_config
from bot.errors import ConfigError, UserError
from bot.operations.registry import DueRun
from bot.services import Secrets
from handlers.secrets import command, inventory
from runners.errors import AccessDeniedError
from runners.github import Answer
from runners.results.secrets import Keeper, SecretEntry, SecretUse, WorkflowSecrets
from tests.unit.bot.drawn import read
from tests.unit.handlers.conftest import FILE, MONDAY_NOON, typed
from tests.unit.runners.ec2_world import refuse

if TYPE_CHECKING:
    from bot.services import Services
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk

SECTION = """
secrets:
  users: [build]
  parameters: [/ci/]
  rotate:
    build-key:
      user: build
      environment: staging
      workflow: build.yml
      places: [{github: AWS_KEY, value: id}, {github: AWS_SECRET}]
"""
NOW = datetime.fromtimestamp(MONDAY_NOON, UTC)
WORKFLOW = """
on: push
permissions: {id-token: write}
jobs:
  a:
    environment: staging
    steps: [{run: "${{ secrets.AWS_KEY }} ${{ secrets.AWS_SECRET }} ${{ secrets.STAGED }} ${{ secrets.NOWHERE }}"}]
"""


class FakeGitHub:
    """Answers lists; what is in `refused` is refused."""

    def __init__(self) -> None:
        self.secrets = {"AWS_KEY": 200, "AWS_SECRET": 10, "FORGOTTEN": 5}  # ages in days
        self.refused: set[str] = set()

    async def get(self, _: str, path: str, *, doing: str, etag: str | None = None) -> Answer:
        path = path.partition("?")[0]
        for piece in self.refused:
            if piece in path:
                raise AccessDeniedError(doing, "GitHub forbids it: no", remedy="Give the token secrets=read.")
        return Answer(self._answer(path), etag)

    def _answer(self, path: str) -> Any:
        def listed(ages: dict[str, int]) -> dict[str, Any]:
            items = [{"name": n, "updated_at": (NOW - timedelta(days=d)).isoformat()} for n, d in ages.items()]
            return {"total_count": len(items), "secrets": items}

        named = [{"name": "staging"}, {"name": "prod"}]
        return {
            "/repos/o/r": {"default_branch": "main"},
            "/repos/o/r/actions/secrets": listed(self.secrets),
            "/repos/o/r/actions/organization-secrets": listed({}),
            "/repos/o/r/environments": {"total_count": 2, "environments": named},
            "/repos/o/r/environments/staging/secrets": listed({"STAGED": 3}),
            "/repos/o/r/environments/prod/secrets": listed({"PROD_ONLY": 400}),
            "/repos/o/r/contents/.github/workflows": [{"name": "build.yml", "type": "file"}],
            "/repos/o/r/contents/.github/workflows/build.yml": {"content": base64.b64encode(WORKFLOW.encode())},
        }[path]


@pytest.fixture
def services(desk: Desk, account: Account) -> Services:
    desk.config = read_config(FILE + SECTION)
    desk.github = FakeGitHub()
    account.client("iam").create_user(UserName="build")
    made = cast("Any", desk.services)
    made.secrets = Secrets({"STAGING_DB": "x"}, "", ("GITHUB_TOKEN",))
    return cast("Services", made)


async def test_the_page_lists_what_is_overdue_first(services: Services, account: Account) -> None:
    key = account.client("iam").create_access_key(UserName="build")["AccessKey"]["AccessKeyId"]
    page = await command.topic(services, typed("secrets"), ())
    text = read(page)
    assert "2 overdue" in text
    assert text.index("PROD_ONLY") < text.index("AWS_KEY") < text.index("AWS_SECRET") < text.index("STAGED")
    assert "Workflows name these, and nobody has them: NOWHERE in build.yml (environment staging)" in text.replace(
        "*", ""
    ).replace("`", "")
    for unnamed in ("FORGOTTEN", "PROD_ONLY"):
        assert unnamed in text.partition("No workflow names these")[2]
    for piece in (key[-12:], "GITHUB_TOKEN", "STAGING_DB", "never", "unknown"):
        assert piece in text


async def test_one_environment_has_its_own_alone(services: Services) -> None:
    text = read(await command.topic(services, typed("secrets staging"), ("staging",)))
    assert "STAGED" in text
    for other in ("PROD_ONLY", "FORGOTTEN", "NOWHERE", "GITHUB_TOKEN"):
        assert other not in text
    with pytest.raises(UserError, match="stagin"):
        await command.topic(services, typed("secrets stagin"), ("stagin",))


@pytest.mark.parametrize("place", ["/actions/secrets", "/organization-secrets", "environments/staging", "/contents"])
async def test_a_place_that_refuses_says_so_and_hides_no_other(services: Services, place: str) -> None:
    cast("FakeGitHub", services.github).refused = {place}
    text = read(await command.topic(services, typed("secrets"), ()))
    assert "Could not be read" in text
    assert "Give the token secrets=read" in text
    assert "PROD_ONLY" in text
    assert "nobody has them" not in text, "a name is missing although a place was not read"


async def test_aws_that_refuses_says_so(services: Services, account: Account) -> None:
    refuse(account.client("iam"), "ListAccessKeys", "AccessDenied")
    text = read(await command.topic(services, typed("secrets"), ()))
    assert "the access keys in the IAM user build: AWS forbids ListAccessKeys" in text
    assert "PROD_ONLY" in text


def test_a_use_counts_where_its_job_may_have_the_secret() -> None:
    def entry(keeper: Keeper, name: str, environment: str = "") -> SecretEntry:
        return SecretEntry(keeper, name, "o/r", NOW, environment=environment)

    uses = (SecretUse("A", "x.yml", "staging"), SecretUse("B", "x.yml", None), SecretUse("C", "y.yml"))
    entries = (
        entry(Keeper.ENVIRONMENT, "A", "Staging"),
        entry(Keeper.ENVIRONMENT, "A", "prod"),
        entry(Keeper.ENVIRONMENT, "B", "prod"),
        entry(Keeper.ENVIRONMENT, "C", "prod"),
    )
    workflows = (WorkflowSecrets("x.yml", uses[:2]), WorkflowSecrets("y.yml", uses[2:]))
    snapshot = inventory.Inventory(entries, workflows, names_complete=True)
    assert [snapshot.used_by(each) for each in entries] == [("x.yml",), (), ("x.yml",), ()]
    assert snapshot.missing == (uses[2],)
    assert snapshot.unnamed == (entries[1], entries[3])
    passed = replace(workflows[1], declared=frozenset({"C"}))
    assert replace(snapshot, workflows=(workflows[0], passed)).missing == ()
    computed = replace(workflows[1], takes_all=True)
    assert replace(snapshot, workflows=(workflows[0], computed)).unnamed == ()


async def test_the_reminder_is_posted_once_for_each_time_it_is_due(services: Services, desk: Desk) -> None:
    markers: list[str] = []

    async def find(_channel: str, marker: str, *, since: float) -> object:
        assert since <= desk.now
        return marker in markers or None

    async def post(channel: str, message: Any, *, marker: str) -> None:
        markers.append(marker)
        desk.chat.posted.append((channel, message))

    services.chat.find, services.chat.post = find, post  # type: ignore[method-assign, assignment]
    for _ in range(2):
        await command.remind(services, DueRun("secrets", desk.now))
    ((channel, message),) = desk.chat.posted
    assert channel == "C0OPS"
    assert "2 secrets overdue for rotation" in read(message)
    (task,) = command.PERIODIC_TASKS
    watched = read_config(FILE + SECTION + "watch: {keys: {older_than: 30d}}\n")
    assert task.intervals(watched) == {"secrets": timedelta(days=7)}
    assert task.intervals(services.config) == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (SECTION.replace("environment: staging", "environment: stagin"), "is not an environment"),
        (SECTION.replace(", value: id", ""), "no place for the key's id"),
        (SECTION.replace("github: AWS_SECRET", "github: AWS_SECRET, parameter: /x"), "names 2 places"),
        (SECTION.replace("github: AWS_SECRET", "repository: o/r"), "names no places"),
        (SECTION.replace("github: AWS_SECRET", "github: GITHUB_X"), "is not the name of a secret"),
    ],
)
def test_faults_of_the_configuration_are_named(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config(FILE + text)
    assert any(problem in fault.problem for fault in refused.value.faults)
