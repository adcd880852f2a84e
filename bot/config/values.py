"""The value types of the configuration: durations, names and IDs, each with a message for invalid text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, PlainValidator, WithJsonSchema

from bot.config import log_patterns
from bot.config.matching import Matching
from bot.config.windows import EXAMPLE, Window
from bot.settings import OWN_SECRETS
from runners.git_refs import is_pattern, is_ref

if TYPE_CHECKING:
    from collections.abc import Callable

_COLLECTION = re.compile(r"([A-Za-z_]\w*\.[A-Za-z_]\w*)\s*:?\s*([<>=!*\d].*)?", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3650)
PART = "/"  # separates an environment and a part of it: prod/dns
_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
_CAPITALS = r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}"
_CAPITALS_PROBLEM = "is not a valid name; use up to 32 letters, digits, dashes and underscores"
_NAME_PROBLEM = "is not a valid name; use up to 32 lower-case letters, digits, dashes and underscores"


def parse_duration(value: object) -> timedelta:
    """Read 30s, 45m, 2h or 90d. Raises ValueError with the problem and its remedy."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d{1,9})([smhd])", value, re.ASCII) if isinstance(value, str) else None
    if not match:
        quoted = f'"{value[:40]}"' if isinstance(value, str) else "the value"
        raise ValueError(f"{quoted} is not a duration; write for example 30s, 45m, 2h or 90d")
    number, unit = int(match[1]), _UNITS[match[2]]
    if not number:
        raise ValueError(f"{match[0]} is zero; write at least 1s")
    if number > _LONGEST / timedelta(**{unit: 1}):
        raise ValueError(f"{match[0]} is longer than ten years; write a shorter duration")
    return timedelta(**{unit: number})


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


def _channel_problem(text: str) -> str | None:
    if re.fullmatch(r"[CG][A-Z0-9]{2,20}", text, re.ASCII):
        return None
    name = text.removeprefix("#")
    good = 0 < len(name) <= 80 and name == name.lower() and all(c.isalnum() or c in "-_" for c in name)
    return None if good and text != name else 'is not a channel; write "#name" (with the quotes) or the channel ID'


def _repository_problem(text: str) -> str | None:
    if "://" in text or text.startswith("git@"):
        return "is a URL; write owner/name"
    if text.endswith(".git"):
        return "ends in .git; write owner/name without it"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", text, re.ASCII):
        return "is not a repository name; write owner/name"
    return "is not a repository name; write owner/name" if text.split("/")[1] in {".", ".."} else None


def _person_problem(text: str) -> str | None:
    if re.fullmatch(r"usergroup:S[A-Z0-9]{2,20}|[UW][A-Z0-9]{2,20}", text, re.ASCII):
        return None
    if text.startswith("usergroup:") or re.fullmatch(r"S[A-Z0-9]{2,20}", text):
        return 'is not a user group; write "usergroup:" and the group ID, which starts with S (usergroup:S0123ABCD)'
    return "is not a user ID; copy the member ID from the person's profile (U0123ABCD), or write usergroup:S0123ABCD"


def _path_problem(text: str) -> str | None:
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:", text):
        return "is an absolute path; write a path relative to the repository"
    if ".." in PurePosixPath(text).parts:
        return 'is outside the repository; write the path without ".."'
    if not text or text.startswith("-") or not all(c.isprintable() and c != "\\" for c in text):
        return "is not a valid path; write printable characters, without a backslash or a leading dash"
    return None


def _playbook_problem(text: str) -> str | None:
    plain = text.replace("{machine}", "machine").replace("{environment}", "environment")
    if "{" in plain or "}" in plain:
        return "has an unknown placeholder; use only {machine} and {environment}"
    if not plain.endswith((".yml", ".yaml")):
        return "is not a playbook; the name must end in .yml or .yaml"
    return _path_problem(plain)


def _template_problem(text: str) -> str | None:
    plain = text.replace("{machine}", "").replace("{environment}", "")
    return "has an unknown placeholder; use only {machine} and {environment}" if "{" in plain or "}" in plain else None


def _workflow_problem(text: str) -> str | None:
    if "/" in text:
        return "is a path; write only the file name, as it is in .github/workflows"
    good = re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_. -]*\.ya?ml", text, re.ASCII)
    return None if good else "is not a workflow file; the name must end in .yml or .yaml"


def _ref_problem(text: str) -> str | None:
    good = is_ref(text) and text.isprintable()
    return None if good else "is not a valid branch, tag or commit; check the name"


def _ref_pattern_problem(text: str) -> str | None:
    if text.startswith("refs/") and not text.startswith(("refs/heads/", "refs/tags/")):
        return "is neither a branch nor a tag; write its name, or refs/heads/… or refs/tags/…"
    good = is_pattern(text) and text.isprintable()
    return None if good else 'is not a branch or tag; write its name, in which "*" stands for any text without a slash'


def _secret_source_problem(text: str) -> str | None:
    if text in OWN_SECRETS:
        return "is Signalbox's own secret, which no other program gets; use a separate secret under another name"
    return _variable_problem(text)


def _variable_problem(text: str) -> str | None:
    return (
        None
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", text, re.ASCII)
        else "is not a variable name; use letters, digits and underscores, without a leading digit"
    )


def _regex_problem(text: str) -> str | None:
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a valid regular expression: {error}"
    return None if text else "is empty and would match every line; write a pattern"


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
        if _variable_problem(name) or not isinstance(text, str):
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
        if problem := next(filter(None, map(_workflow_problem, value)), None):
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


_DURATION = r"[0-9]{1,9}[smhd]"
_TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
Duration = Annotated[timedelta, BeforeValidator(parse_duration), _as(type="string", pattern=f"^{_DURATION}$")]
TerminateAfter = Annotated[
    timedelta | None,
    PlainValidator(_parse_termination),
    _as(type=["string", "null"], pattern=f"^(?:ask|after +{_DURATION})$"),
]
CheckNames = Annotated[bool | tuple[str, ...], PlainValidator(_parse_checks), _as(anyOf=[{"type": "boolean"}, _TEXTS])]
PipelineFiles = Annotated[bool | tuple[str, ...], PlainValidator(_parse_pipeline)]
WindowText = Annotated[Window, BeforeValidator(_parse_window), _as(type="string")]
FollowUp = Annotated[
    Literal["start", "offer", "off"], BeforeValidator(_unquoted_off), _as(enum=["start", "offer", "off", False])
]
Text = Annotated[str, Matching(r"[\s\S]*\S[\s\S]*", "is empty; write some text")]
Channel = Annotated[str, _checked(_channel_problem)]
Repository = Annotated[str, _checked(_repository_problem)]
Region = Annotated[str, Matching(r"[a-z]{2}(-[a-z]+)+-\d", "is not an AWS region; write for example us-west-2")]
RoleArn = Annotated[
    str,
    Matching(
        r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}",
        "is not the ARN of a role; write for example arn:aws:iam::123456789012:role/signalbox",
    ),
]
Person = Annotated[str, _checked(_person_problem)]
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
RepositoryPath = Annotated[str, _checked(_path_problem)]
Playbook = Annotated[str, _checked(_playbook_problem)]
Template = Annotated[str, _checked(_template_problem)]
Workflow = Annotated[str, _checked(_workflow_problem)]
Ref = Annotated[str, _checked(_ref_problem)]
RefPattern = Annotated[str, _checked(_ref_pattern_problem)]
Variable = Annotated[str, _checked(_variable_problem)]
SecretSource = Annotated[str, _checked(_secret_source_problem)]
InputName = Annotated[
    str,
    Matching(
        r"[A-Za-z_][A-Za-z0-9_-]{0,99}",
        "is not the name of an input; use letters, digits, dashes and underscores, without a leading digit",
    ),
]
ResourceType = Annotated[str, Matching(r"[a-z][a-z0-9_]*", "is not a resource type; write for example aws_db_instance")]
Regex = Annotated[str, _checked(_regex_problem)]
LogPattern = Annotated[str, _checked(log_patterns.problem_of)]
LogPrefix = Annotated[str, _checked(log_patterns.problem_of_prefix)]
