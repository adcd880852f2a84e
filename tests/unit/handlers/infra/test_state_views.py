"""The cards of environments, held against Slack's rules, and read as somebody on call reads them."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, strategies as st

from bot.slack.blocks import kit, replies
from handlers.infra import state_views as views
from handlers.infra.state_views import Card, DaemonLine, OperationLine, Page, RoleLine, ServiceLine
from runners.results import Image
from runners.results.fleet import CHECKS, RUNNING, Alarm, Instance, Standing
from sandbox.slack.block_kit import check_view
from tests.unit.bot.drawn import hostile, read

NOW = 1_700_000_000.0
DAY = 86_400.0


def line(title: str, status: str = "running", doing: str = "") -> OperationLine:
    return OperationLine(3, title, status, "U0ANA", doing, NOW)


def server(number: int, state: str = RUNNING, checks: str = "ok") -> Instance:
    return Instance(f"i-{number:017x}", "prod api", "t3.large", "ami-0123456789abcdef0", state, "", checks)


def image(days: float, commit: str | None = "a" * 40) -> Image:
    return Image(f"ami-{int(days):017x}", created_at=datetime.fromtimestamp(NOW - days * DAY, UTC), commit=commit)


def service(name: str = "", behind: int = 0, ahead: int = 0) -> ServiceLine:
    return ServiceLine(
        name, deployed=True, sha="ab" * 20, subject="Fix it", person="U0LEE", at=NOW - DAY, operation=12,
        url="https://slack.test/12", ref="main", standing=Standing(behind, ahead),
    )  # fmt: skip


def rendered(card: Card) -> str:
    return read(views.page(Page((card,)), ("Wall.",)))


def test_a_card_says_what_runs_since_when_and_how_far_it_is_behind() -> None:
    text = rendered(Card("prod", (service(behind=3),)))
    assert "*prod*: runs `abababa` Fix it, deployed by @lee" in text
    assert "in #12, *3 commits* behind `main`" in text
    assert "up to date with `main`" in rendered(Card("prod", (service(),)))
    diverged = rendered(Card("prod", (service(behind=2, ahead=1),)))
    assert "*2 commits* behind `main`, and has 1 commit that `main` has not" in diverged
    assert "no deploy by Signalbox yet" in rendered(Card("prod", (ServiceLine(""),)))


def test_services_have_a_line_each_and_many_are_counted() -> None:
    text = rendered(Card("prod", tuple(service(f"s{number}") for number in range(9))))
    assert "*prod*: 9 services" in text
    assert "• s5 runs" in text
    assert "• s6 runs" not in text
    assert "and 3 more" in text


def test_health_names_what_is_wrong_and_only_that() -> None:
    good = RoleLine("api", (server(1), server(2)), (image(12),))
    text = rendered(Card("prod", roles=(good,), now=NOW))
    assert ":white_check_mark: 2 of 2 instances run, status checks passed, images 12 d old" in text
    bad = RoleLine("api", (server(1, checks="impaired"), server(2), server(3, "stopped")), (image(40), image(3)))
    text = rendered(Card("prod", roles=(bad, RoleLine("cron", (), ())), now=NOW))
    assert ":warning: no instance of `cron` is running" in text
    assert ":warning: 2 of 3 instances run, status checks: `i-00000000000000001` impaired, 1 stopped" in text
    assert "images 3 d to 40 d old (the oldest: `api`)" in text
    young = RoleLine("api", (server(1, checks="initializing"),), ())
    assert ":hourglass_flowing_sand: 1 of 1 instance runs" in rendered(Card("prod", roles=(young,), now=NOW))
    unknown = RoleLine("api", (server(1, checks=""),), ())
    assert "passed" not in rendered(Card("prod", roles=(unknown,), now=NOW))


def test_alarms_daemons_closures_and_what_is_unread() -> None:
    card = Card(
        "prod",
        (service(),),
        alarms=(Alarm("prod-5xx", "Threshold crossed", NOW),),
        unread=("alarms in us-west-2: AWS forbids DescribeAlarms",),
        closed=(":lock: *prod* is locked",),
        opens_at=NOW,
        current=(line("Plan for prod", doing="is planning"),),
        queue=(line("Deploy"), line("Deploy")),
        daemons=DaemonLine(NOW, "3 of 4 as they should be", "process on prod-1: runs twice"),
    )
    text = rendered(card)
    for words in (
        ":rotating_light: 1 alarm: `prod-5xx`",
        ":grey_question: alarms in us-west-2: AWS forbids DescribeAlarms",
        ":lock: *prod* is locked",
        "outside of its windows; the next opens",
        "#3 Plan for prod: is planning, requested by @ana",
        "queue: #3, #3",
        ":warning: daemons 3 of 4 as they should be",
        "process on prod-1: runs twice",
    ):
        assert words in text


def test_the_page_of_one_environment_has_its_machines() -> None:
    role = RoleLine("api", (server(1), server(2, checks="impaired")), (image(3, None),))
    text = read(views.detailed(Card("prod", (service(),), roles=(role,), now=NOW), [line("Deploy", "failed")], ()))
    assert "*api*: 2 t3.large" in text
    assert "commit unknown, 3 d old" in text
    assert ":warning: `i-00000000000000002` running, status checks impaired" in text
    assert ":x: #3 Deploy: failed" in text
    assert "_None yet._" in read(views.page(Page(()), ("Wall.",)))


@given(st.lists(hostile, min_size=1, max_size=4), st.integers(0, 5), st.integers(0, 3), st.sampled_from([*CHECKS, "?"]))
def test_slack_takes_every_page_whatever_is_in_it(pool: list[str], count: int, others: int, checks: str) -> None:
    first, last = pool[0], pool[-1]
    operation = OperationLine(3, last, "failed", first, first, NOW, "https://slack.test/3", last)
    instance = Instance(first, last, first, last, RUNNING, last, checks)
    card = Card(
        first, tuple(ServiceLine(last, deployed=True, subject=last, ref=first, person=last) for _ in range(others)),
        nothing="?", roles=(RoleLine(first, (instance,) * others, (Image(last),)),), alarms=(Alarm(first, last, 1.0),),
        unread=(last,), current=(operation,) * others, queue=(operation,) * others, daemons=DaemonLine(1.0, first, last),
    )  # fmt: skip
    page = Page((card,) * count, (operation,) * others, (operation,) * others, (operation,) * 8)
    read(views.page(page, (kit.escape(first),)))
    read(views.detailed(card, (operation,), ()))
    check_view(replies.home(views.blocks(page, 90)), "home")


def test_of_too_many_environments_the_last_are_left_out_and_counted() -> None:
    page = Page((Card("prod", (service(),)),) * 150, recent=(line("Deploy"),) * 8)
    blocks = views.blocks(page, 90)
    check_view(replies.home(blocks), "home")
    assert len(blocks) <= 90
    assert "more: `/infra status &lt;environment&gt;`" in str(blocks)
    assert "#3 Deploy" in str(blocks[-1])
