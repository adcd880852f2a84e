"""The table tests/data/policy.md: who may do what, where and when, by a configuration with roles.

`answer` is written from the words of the issue alone, without the code of bot/access: it is what the table is made with.
`python -m tests.unit.bot.access.policy_table > tests/data/policy.md` writes the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access:
  operators: ["usergroup:S0INFRA"]
  approvers: ["usergroup:S0LEADS"]
  roles:
    web: {people: ["usergroup:S0WEB"], may: [run], environments: [staging, prod/api], commands: [/deploy]}
    planners: {people: [U0PLAN], may: [plan], commands: [/plan]}
    auditors: {people: [U0AUDIT], may: [see]}
    tidy: {people: [U0TIDY], may: [run], commands: [/run tidy]}
    releasers: {people: [U0REL], may: [approve], environments: [staging], commands: [/deploy]}
    lockers: {people: [U0LOCK], may: [unlock], environments: [prod]}
    incident: {people: ["usergroup:S0CALL"], may: [emergency], environments: [prod]}
environments:
  staging:
    deploy: {github_actions: {workflow: d.yml}}
    terraform: {directory: staging}
    approval: {required: 1}
  prod:
    terraform: {directory: prod}
    deploy: {services: {api: {github_actions: {workflow: api.yml}}, web: {github_actions: {workflow: web.yml}}}}
    approval: {required: 2, approvers: ["usergroup:S0CTO"]}
    windows: ["Mon-Thu 09:00-16:00 UTC"]
images: {workflow: build.yml}
operations:
  tidy: {workflow: tidy.yml, environment: staging}
"""
TABLE = Path(__file__).parents[3] / "data" / "policy.md"
WINDOW, SUNDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC), datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PLACES = ("staging", "prod", "prod/api", "prod/web", "image builds")
ACCOUNTS = {"a guest who is in all groups": "guest", "somebody deactivated who was in all groups": "deactivated"}
# People: what they are, with their id and their groups.
PEOPLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "an operator": ("U0ANA", ("S0INFRA",)),
    "a lead": ("U0LEE", ("S0INFRA", "S0LEADS")),
    "an approver of prod": ("U0CTO", ("S0CTO",)),
    "a web developer": ("U0WEB", ("S0WEB",)),
    "a planner": ("U0PLAN", ()),
    "an auditor": ("U0AUDIT", ()),
    "somebody who tidies": ("U0TIDY", ()),
    "a releaser": ("U0REL", ()),
    "a locksmith": ("U0LOCK", ()),
    "somebody on call": ("U0CALL", ("S0CALL",)),
    "a former operator": ("U0EX", ()),
    **dict.fromkeys(ACCOUNTS, ("U0ANY", ("S0INFRA", "S0LEADS", "S0CTO", "S0WEB", "S0CALL"))),
}
DEEDS = (
    "see it",
    "plan",
    "have their plan applied",
    "check a deploy",
    "deploy",
    "build images",
    "run tidy",
    "approve a deploy",
    "approve an apply",
    "approve their own apply",
    "reject a deploy",
    "cancel their own deploy",
    "release a state lock",
    "deploy in an emergency",
    "approve an emergency",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: whether this person may do this there, in the window and on Sunday."""

    who: str
    deed: str
    where: str
    in_window: bool
    on_sunday: bool

    def __str__(self) -> str:
        words = ("yes" if self.in_window else "no", "yes" if self.on_sunday else "no")
        return f"| {self.who} | {self.deed} | {self.where} | {words[0]} | {words[1]} |"


def makes_sense(deed: str, where: str) -> bool:
    """Whether the deed is about what is there."""
    if deed == "build images":
        return where == "image builds"
    if where == "image builds":
        return deed == "see it"
    if deed == "run tidy":
        return where == "staging"
    if "plan" in deed or "apply" in deed or "lock" in deed:
        return where in ("staging", "prod")
    return ("deploy" not in deed and "emergency" not in deed) or where != "prod"


def answer(who: str, deed: str, where: str, *, in_window: bool) -> bool:
    """What the issue says: default deny; reading apart from changing; emergencies skip windows and need a role."""
    if who in ACCOUNTS:
        return False
    if deed == "cancel their own deploy":
        return True
    closed = where.startswith("prod") and not in_window
    changes = deed not in ("see it", "plan", "check a deploy", "reject a deploy") and "emergency" not in deed
    if closed and changes and deed != "have their plan applied":
        return False
    return where in _MAY[deed].get(who, ())


_ALL = PLACES
_PROD = ("prod", "prod/api", "prod/web")
_OPERATORS: dict[str, tuple[str, ...]] = {"an operator": _ALL, "a lead": _ALL}
# The approvers of `access` decide in staging, those of prod in prod; the releaser about deploys alone.
_DECIDE: dict[str, tuple[str, ...]] = {"a lead": ("staging",), "an approver of prod": _PROD}
_ABOUT_DEPLOYS = {**_DECIDE, "a releaser": ("staging",)}
_DEPLOY: dict[str, tuple[str, ...]] = {**_OPERATORS, "a web developer": ("staging", "prod/api")}
_MAY: dict[str, dict[str, tuple[str, ...]]] = {
    "see it": {
        **_OPERATORS,
        "a web developer": ("staging", "prod", "prod/api"),
        **dict.fromkeys(("a planner", "an auditor", "somebody who tidies"), _ALL),
        "a releaser": ("staging",),
        **dict.fromkeys(("a locksmith", "somebody on call"), _PROD),
    },
    "plan": {**_OPERATORS, "a planner": _ALL},
    "have their plan applied": _OPERATORS,
    "check a deploy": _OPERATORS,
    "deploy": _DEPLOY,
    "build images": _OPERATORS,
    "run tidy": {**_OPERATORS, "somebody who tidies": _ALL},
    "approve a deploy": _ABOUT_DEPLOYS,
    "approve an apply": _DECIDE,
    "approve their own apply": {},
    "reject a deploy": _ABOUT_DEPLOYS,
    "release a state lock": {**_DECIDE, "a locksmith": _PROD},
    "deploy in an emergency": {"somebody on call": _PROD},
    "approve an emergency": {**_ABOUT_DEPLOYS, "somebody on call": _PROD},
}


def rows() -> Iterator[Row]:
    """All rows, made by `answer`."""
    for where in PLACES:
        for deed in DEEDS:
            for who in PEOPLE if makes_sense(deed, where) else ():
                now, later = (answer(who, deed, where, in_window=each) for each in (True, False))
                yield Row(who, deed, where, now, later)


def read_table() -> list[Row]:
    """The rows of the file."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")][1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Row(who, deed, where, now == "yes", later == "yes") for who, deed, where, now, later in cells]


def text() -> str:
    """The file."""
    head = "# Who may do what, where and when\n\nBy the configuration in `tests/unit/bot/access/policy_table.py`.\n"
    columns = "| who | may | where | in a window | on Sunday |\n|---|---|---|---|---|"
    return "\n".join([head, columns, *map(str, rows()), ""])


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201
