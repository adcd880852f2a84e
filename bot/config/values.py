"""The value types of the configuration: durations, names and IDs, each with a message for invalid text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from bot.config import log_patterns, value_problems
from bot.config.matching import Matching
from bot.config.windows import EXAMPLE, Window

if TYPE_CHECKING:
    from collections.abc import Callable

_COLLECTION = re.compile(r"([A-Za-z_]\w*\.[A-Za-z_]\w*)\s*:?\s*([<>=!*\d].*)?", re.ASCII)
_PARTS = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_UNITS = (86_400, 3_600, 60, 1)  # seconds
_LONGEST = timedelta(days=3650)
PART = "/"  # separates an environment and a part of it: prod/dns
_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
_CAPITALS = r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}"
_CAPITALS_PROBLEM = "is not a valid name; use up to 32 letters, digits, dashes and underscores"
_NAME_PROBLEM = "is not a valid name; use up to 32 lower-case letters, digits, dashes and underscores"


def parse_duration(value: object) -> timedelta:
    """Read 30s, 45m, 1h30m or 90d. Raises ValueError with the problem and its remedy."""
    if isinstance(value, timedelta):
        return value
    parts = _PARTS.fullmatch(value) if isinstance(value, str) and value else None
    if not parts:
        quoted = f'"{value[:40]}"' if isinstance(value, str) else "the value"
        raise ValueError(f"{quoted} is not a duration; write for example 30s, 45m, 2h or 90d")
    seconds = sum(int(number) * unit for number, unit in zip(parts.groups("0"), _UNITS, strict=True))
    if not seconds:
        raise ValueError(f"{parts[0]} is zero; write at least 1s")
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{parts[0]} is longer than ten years; write a shorter duration")
    return timedelta(seconds=seconds)


def _parse_window(value: object) -> Window:
    if isinstance(value, Window):
        return value
    if not isinstance(value, str):
        raise ValueError(f"is not a deploy window; write days, hours and a time zone: {EXAMPLE}")  # noqa: TRY004  -- pydantic collects ValueError
    return Window.parse(value)


def _checked(check: Callable[[str], str | None]) -> AfterValidator:
    """A check by a function that returns the problem of a text, or None."""

    def validate(text: str) -> str:
        if problem := check(text):
            raise ValueError(f'"{text[:60]}" {problem}')
        return text

    return AfterValidator(validate)


def parse_collection(value: object) -> object:
    """Read "community.general>=8" as a name and a version range; another value is for the model to read."""
    if not isinstance(value, str):
        return value
    match = _COLLECTION.fullmatch(value.strip())
    if match is None:
        raise ValueError(
            f'"{value[:60]}" is not a collection; write for example community.general, or "community.general>=8"'
        )
    return {"name": match[1], "version": match[2] or "*"}


def _parse_backend_setting(value: object) -> str | Mapping[str, str]:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError("must be text (in quotes), or a mapping of keys to texts for a block such as workspaces")
    for name, text in value.items():
        if value_problems.variable_problem(name) or not isinstance(text, str):
            raise ValueError(f"`{name}` must be a name with a text (in quotes)")
    return value


def _unquoted_off(value: object) -> object:
    """YAML reads `off` without quotes as false."""
    return "off" if value is False else value


def _parse_checks(value: object) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple) and value and all(isinstance(name, str) and name.strip() for name in value):
        return value
    raise ValueError("must be true (the checks that the branch requires), false, or a list of check names")


def _parse_pipeline(value: object) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple) and value and all(isinstance(name, str) for name in value):
        if problem := next(filter(None, map(value_problems.workflow_problem, value)), None):
            raise ValueError(problem)
        return value
    raise ValueError("must be true (all runs that the merge starts), false, or a list of workflow files")


def _parse_termination(value: object) -> timedelta | None:
    if value is None or value == "ask":
        return None
    word, _, after = value.partition(" ") if isinstance(value, str) else ("", "", "")
    if word != "after":
        raise ValueError('must be "ask", or "after" and a duration, for example "after 6h"')
    return parse_duration(after.strip())


def _as(**schema: object) -> WithJsonSchema:
    return WithJsonSchema(schema)


_DURATION = r"(?=[0-9])(?:[0-9]{1,9}d)?(?:[0-9]{1,9}h)?(?:[0-9]{1,9}m)?(?:[0-9]{1,9}s)?"
_TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
Duration = Annotated[timedelta, BeforeValidator(parse_duration), _as(type="string", pattern=f"^{_DURATION}$")]
TerminateAfter = Annotated[
    timedelta | None,
    PlainValidator(_parse_termination),
    _as(type=["string", "null"], pattern=f"^(?:ask|after +{_DURATION})$"),
]
CheckNames = Annotated[bool | tuple[str, ...], PlainValidator(_parse_checks), _as(anyOf=[{"type": "boolean"}, _TEXTS])]
PipelineFiles = Annotated[bool | tuple[str, ...], PlainValidator(_parse_pipeline)]
HCP_NAME = r"^[A-Za-z0-9_-]{1,90}$"
HcpName = Annotated[str, Field(pattern=HCP_NAME)]
WindowText = Annotated[Window, BeforeValidator(_parse_window), _as(type="string")]
FollowUp = Annotated[
    Literal["start", "offer", "off"], BeforeValidator(_unquoted_off), _as(enum=["start", "offer", "off", False])
]
Text = Annotated[str, Matching(r"[\s\S]*\S[\s\S]*", "is empty; write some text")]
Address = Annotated[str, Matching(r"https?://[^\s<>|]{1,2000}", "is no address; write https:// and the rest")]
Channel = Annotated[str, _checked(value_problems.channel_problem)]
Repository = Annotated[str, _checked(value_problems.repository_problem)]
Region = Annotated[
    str, _checked(value_problems.region_problem), _as(type="string", pattern=f"^{value_problems.REGION}$")
]
RoleArn = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}",
        "is not the ARN of a role; write for example arn:aws:iam::123456789012:role/signalbox",
    ),
]
Person = Annotated[str, _checked(value_problems.person_problem)]
AccountId = Annotated[str, Matching(r"\d{12}", "is not the id of an AWS account; write its twelve digits in quotes")]
Name = Annotated[str, Matching(_NAME, _NAME_PROBLEM)]
EnvironmentName = Annotated[str, Matching(_CAPITALS, _CAPITALS_PROBLEM)]
NameWithPart = Annotated[str, Matching(rf"{_CAPITALS}(?:{PART}{_NAME})?", _CAPITALS_PROBLEM)]
Unit = Annotated[
    str,
    Matching(r"[A-Za-z0-9][A-Za-z0-9:_.@-]{0,127}", "is not a valid service name; use letters, digits and : _ . @ -"),
]
Login = Annotated[
    str,
    Matching(
        r"[a-z_][a-z0-9_.-]{0,31}",
        "is not a valid login name; use lower-case letters, digits, dashes, dots and underscores",
    ),
]
Group = Annotated[
    str,
    Matching(
        r"(?!(?:all|ungrouped)$)[A-Za-z_][A-Za-z0-9_.-]{0,63}",
        "is not a name for a group of Ansible's inventory; use letters, digits and underscores (all has every host already)",
    ),
]
Tag = Annotated[
    str, Matching(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,63}", "is not a tag of tasks; use letters, digits, dashes and dots")
]
CollectionName = Annotated[
    str,
    Matching(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", "is not the name of a collection; write for example community.general"),
]
VersionRange = Annotated[
    str, Matching(r"[\w.,<>=!*+ -]+", 'is not a range of versions; write for example ">=8", ">=8,<10" or "9.1.0"')
]
BackendSetting = Annotated[
    str | Mapping[str, str],
    PlainValidator(_parse_backend_setting),
    _as(anyOf=[{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}]),
]
RepositoryPath = Annotated[str, _checked(value_problems.path_problem)]
Playbook = Annotated[str, _checked(value_problems.playbook_problem)]
Template = Annotated[str, _checked(value_problems.template_problem)]
Workflow = Annotated[str, _checked(value_problems.workflow_problem)]
Ref = Annotated[str, _checked(value_problems.ref_problem)]
RefPattern = Annotated[str, _checked(value_problems.ref_pattern_problem)]
Variable = Annotated[str, _checked(value_problems.variable_problem)]
SecretSource = Annotated[str, _checked(value_problems.secret_source_problem)]
InputName = Annotated[
    str,
    Matching(
        r"[A-Za-z_][A-Za-z0-9_-]{0,99}",
        "is not the name of an input; use letters, digits, dashes and underscores, without a leading digit",
    ),
]
ResourceType = Annotated[str, Matching(r"[a-z][a-z0-9_]*", "is not a resource type; write for example aws_db_instance")]
Regex = Annotated[str, _checked(value_problems.regex_problem)]
LogPattern = Annotated[str, _checked(log_patterns.problem_of)]
LogPrefix = Annotated[str, _checked(log_patterns.problem_of_prefix)]
