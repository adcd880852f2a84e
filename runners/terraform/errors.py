"""What Terraform says when something is wrong, read and put into words with a remedy. Pure."""

from __future__ import annotations

import json
import re
import signal
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from runners.errors import AccessDeniedError, RunnerError, StalePlanError, StateLockedError, UnavailableError
from runners.results import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

WAIT_FOR_IT = (
    "Wait until that has ended. Where PostgreSQL keeps the state, a lock goes with its holder, also one that died."
)
LONGEST_CAUSE = 400  # characters
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_START = re.compile(r"^(Error|Warning): (.*)$")
_PLACE = re.compile(r"^\s+on (\S+) line (\d+)")
_CODE = re.compile(r"^\s+\d+: ?(.*)$")
_LOCK = re.compile(r"^\s*(ID|Path|Who|Operation|Created):[ \t]*(\S.*?)\s*$", re.MULTILINE)
# The backends "http" and "pg" describe the lock that was asked for, and not the one that is held; "http" names its id.
_NOT_THE_HOLDERS = re.compile(
    r"HTTP remote state already locked(?:: ID=(\S+))?|Workspace is already locked: |already locked for workspace creation: ",
    re.IGNORECASE,
)
_NOT_ASKED = re.compile(r"Error message: (?:pq: |dial tcp |read tcp |write tcp |driver: bad connection)")  # "pg" again
_CREATED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)? ([+-]\d{4})(?: \S+)?")
NO_NETWORK = re.compile(
    r"could not connect|no such host|connection refused|failed to connect|dial tcp|TLS handshake|i/o timeout"
    r"|deadline exceeded|could not resolve host",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(r"no space left on device|file too large|disk quota exceeded", re.IGNORECASE)
_MAKE_ROOM = "Make room on the disk that operations keep their files on."
_NO_CREDENTIALS = re.compile(
    r"No valid credential|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|AccessDenied|UnauthorizedOperation"
    r"|StatusCode: 403|error configuring S3 Backend",
    re.IGNORECASE,
)


def from_json_lines(lines: Iterable[str]) -> Iterator[Diagnostic]:
    """The diagnostics among the messages of a command run with `-json`; whatever else is there is passed over."""
    for line in lines:
        message = read_message(line)
        if message.get("type") == "diagnostic" and isinstance(message.get("diagnostic"), dict):
            yield from_json(message["diagnostic"])


def read_message(line: str) -> Mapping[str, Any]:
    """A message of `-json` output; empty for a line that is none (plain text, a truncated line)."""
    try:
        message = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def from_json(message: Mapping[str, Any]) -> Diagnostic:
    """A diagnostic in Terraform's JSON, see its "Machine-Readable UI" and `validate -json`."""
    place, snippet = _object(message.get("range")), _object(message.get("snippet"))
    return Diagnostic(
        severity=str(message.get("severity", "error")),
        summary=str(message.get("summary", "")),
        detail=str(message.get("detail", "")),
        filename=place.get("filename"),
        line=_object(place.get("start")).get("line"),
        snippet=snippet.get("code"),
        address=message.get("address"),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def plain(text: str) -> str:
    """What a command prints for people, without colours and boxes."""
    return "\n".join(re.sub(r"^[│╷╵] ?", "", line).rstrip() for line in _ESCAPES.sub("", text).splitlines()).strip()


def from_text(text: str) -> list[Diagnostic]:
    """The diagnostics in what a command prints for people."""
    lines = plain(text).split("\n")
    starts = [at for at, line in enumerate(lines) if _START.match(line)]
    return [_from_lines(lines[start:end]) for start, end in pairwise([*starts, len(lines)])]


def _from_lines(lines: Sequence[str]) -> Diagnostic:
    first = _START.match(lines[0])
    severity, summary = (first[1].lower(), first[2]) if first else ("error", lines[0])
    heading = next((at for at, line in enumerate(lines) if not line), len(lines))  # long summaries are wrapped
    body = list(lines[heading:])
    place = next((match for line in body if (match := _PLACE.match(line))), None)
    code = [match[1] for line in body if (match := _CODE.match(line))] if place else []
    detail = [line for line in body if not (place and (_PLACE.match(line) or _CODE.match(line)))]
    return Diagnostic(
        severity=severity,
        summary=" ".join([summary, *lines[1:heading]]),
        detail=re.sub(r"\n{3,}", "\n\n", "\n".join(detail)).strip(),
        filename=place[1] if place else None,
        line=int(place[2]) if place else None,
        snippet="\n".join(code) or None,
    )


def explain(
    doing: str, exit_code: int, diagnostics: Sequence[Diagnostic], *, version: str, tail: str = ""
) -> RunnerError:
    """The error to raise for a command that ended badly; `version` is the program's, `tail` its last output."""
    errors = distinct(diagnostic for diagnostic in diagnostics if diagnostic.severity == "error")
    log = "\n\n".join(map(_written, errors)) or tail.strip()
    for diagnostic in errors:
        for summary, put in _WORDS:
            words = put(diagnostic, version) if summary.search(diagnostic.summary) else None
            if words:
                kind, problem, remedy = words
                return kind(doing, problem, remedy=remedy, exit_code=exit_code, log_tail=log)
    if any(_DISK_FULL.search(f"{error.summary} {error.detail}") for error in errors) or _DISK_FULL.search(tail):
        return RunnerError(doing, "the disk is full", remedy=_MAKE_ROOM, exit_code=exit_code, log_tail=log)
    if any(_NO_CREDENTIALS.search(f"{error.summary} {error.detail}") for error in errors):
        remedy = "Check the credentials that terraform is given, and what they may do."
        return AccessDeniedError(doing, _problem(errors[0]), remedy=remedy, exit_code=exit_code, log_tail=log)
    problem = _problem(errors[-1]) if errors else _ended(exit_code)
    return RunnerError(doing, problem, exit_code=exit_code, log_tail=log)


def of_files(doing: str, error: OSError) -> RunnerError:
    """The error for files of ours that cannot be read or written."""
    if _DISK_FULL.search(error.strerror or ""):
        return RunnerError(doing, "the disk is full", remedy=_MAKE_ROOM)
    return RunnerError(doing, f"the operation's files cannot be read or written: {error.strerror}")


def _ended(exit_code: int) -> str:
    if exit_code >= 0:
        return "terraform ended with an error"
    name = signal.Signals(-exit_code).name if -exit_code in signal.valid_signals() else f"signal {-exit_code}"
    return f"terraform was killed ({name}), perhaps since the machine has too little memory"


def distinct(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each once: Terraform repeats some."""
    return list(dict.fromkeys(diagnostics))


def _problem(diagnostic: Diagnostic) -> str:
    place = f" ({diagnostic.filename}:{diagnostic.line})" if diagnostic.filename else ""
    detail = diagnostic.detail.split("\n\n")[0].replace("\n", " ").strip()
    return f"{diagnostic.summary}{place}{': ' + detail if detail else ''}"


def _written(diagnostic: Diagnostic) -> str:
    place = f"\n  {diagnostic.filename}:{diagnostic.line}" if diagnostic.filename else ""
    code = "".join(f"\n    {line}" for line in (diagnostic.snippet or "").splitlines())
    return f"{diagnostic.severity.capitalize()}: {diagnostic.summary}{place}{code}" + (
        f"\n{diagnostic.detail}" if diagnostic.detail else ""
    )


_Words = tuple["Callable[..., RunnerError]", str, str]


def _stale(diagnostic: Diagnostic, version: str) -> _Words:
    del diagnostic, version
    return (
        StalePlanError,
        "the infrastructure's state has changed since this plan was made",
        "Nothing was applied. Plan again.",
    )


def _locked(diagnostic: Diagnostic, version: str) -> _Words | None:
    del version
    fields = dict(_LOCK.findall(diagnostic.detail))
    if another := _NOT_THE_HOLDERS.search(diagnostic.detail):
        if not another[1]:
            return StateLockedError, "somebody holds the state's lock, and the backend does not tell who", WAIT_FOR_IT
        fields = {"ID": another[1]}
    if "ID" not in fields or _NOT_ASKED.search(
        diagnostic.detail
    ):  # no lock of somebody else's: the lock could not be asked for
        return None
    created, who = _time(fields.get("Created", "")), fields.get("Who", "somebody")
    since = f"{created:%Y-%m-%d %H:%M} UTC" if created else fields.get("Created")
    operation = fields.get("Operation", "").removeprefix("OperationType").lower() or None
    error = partial(
        StateLockedError,
        lock_id=fields["ID"],
        who=fields.get("Who"),
        created=created,
        operation=operation,
        path=fields.get("Path"),
    )
    held = f"has held the state's lock since {since}" if since else "holds the state's lock"
    return (
        error,
        f"{who} {held} ({f'{operation}, ' if operation else ''}lock {fields['ID']})",
        f"Wait until that has ended. If it no longer runs, release the lock with:\nterraform force-unlock {fields['ID']}",
    )


def _time(text: str) -> datetime | None:
    """Go's way to print a time: 2026-11-23 14:11:46.885761976 +0000 UTC; nanoseconds are cut to microseconds."""
    match = _CREATED.fullmatch(text)
    if not match:
        return None
    try:
        return datetime.fromisoformat(f"{match[1]}{(match[2] or '.0')[:7].ljust(7, '0')}{match[3]}").astimezone(UTC)
    except ValueError:
        return None


def _version(diagnostic: Diagnostic, version: str) -> _Words:
    wanted = re.search(r'required_version\s*=\s*"([^"]*)"', diagnostic.snippet or "")
    return (
        RunnerError,
        f"the code wants Terraform {wanted[1] if wanted else 'of another version'}, and this is {version}"
        + (f" ({diagnostic.filename}:{diagnostic.line})" if diagnostic.filename else ""),
        "Name a fitting program in the configuration, or change required_version in the code.",
    )


def _download(diagnostic: Diagnostic, version: str) -> _Words | None:
    del version
    if not NO_NETWORK.search(diagnostic.detail):
        return None
    paragraph = " ".join(next(part for part in diagnostic.detail.split("\n\n") if NO_NETWORK.search(part)).split())
    what = re.search(r'(provider \S+/\S+?|module "[^"]+"):? ', paragraph)
    cause = paragraph[what.end() :] if what else paragraph
    return (
        UnavailableError,
        f"{what[1] if what else 'a provider or module'} cannot be downloaded: {cause[:LONGEST_CAUSE]}",
        "Check that this machine reaches the registry, or give it a provider mirror or a filled plugin cache.",
    )


def _crashed(diagnostic: Diagnostic, version: str) -> _Words:
    del version
    text = f"{diagnostic.summary} {diagnostic.detail}"
    name = re.search(r"terraform-provider-([A-Za-z0-9-]+)|provider \"?([\w.-]+/[\w-]+/[\w-]+)", text)
    return (
        RunnerError,
        f"the provider {(name[1] or name[2]) if name else 'of a resource'} crashed",
        "Try again; if it crashes again, take another version of it, and report it to those who make it.",
    )


def _not_started(diagnostic: Diagnostic, version: str) -> _Words | None:
    # A provider that ends at once: Terraform may notice that before it reads the panic, and then reports no crash.
    return _crashed(diagnostic, version) if "Unrecognized remote plugin message" in diagnostic.detail else None


def _unreadable(diagnostic: Diagnostic, version: str) -> _Words:
    # Terraform 1.11 says "Saved the plan" also when the disk took only a part of it.
    del diagnostic, version
    return (
        RunnerError,
        "the plan was not written whole",
        "Check that the disk that operations keep their files on is not full.",
    )


def _lock_file(diagnostic: Diagnostic, version: str) -> _Words:
    del version
    return (
        RunnerError,
        f"the code's .terraform.lock.hcl does not fit it: {diagnostic.summary}",
        "Run terraform init (or terraform providers lock for this platform) and commit the lock file.",
    )


def _remote(diagnostic: Diagnostic, version: str) -> _Words:
    del version
    return RunnerError, f"this backend cannot save plans: {diagnostic.summary}", "Plan this one in HCP Terraform."


_WORDS: Sequence[tuple[re.Pattern[str], Callable[[Diagnostic, str], _Words | None]]] = (
    (re.compile("Saved plan is stale|does not match the given state"), _stale),
    (re.compile("acquiring the state lock"), _locked),
    (re.compile("Unsupported (Terraform|OpenTofu) Core version"), _version),
    (re.compile("Failed to (query|install|download)|provider package|Module not found|download module"), _download),
    (re.compile("plugin crashed|Plugin did not respond|Unrecognized remote plugin"), _crashed),
    (re.compile("Failed to load plugin schemas"), _not_started),
    (re.compile("Failed to read the given file as a state or plan file"), _unreadable),
    (re.compile("Provider dependency changes detected|Inconsistent dependency lock file"), _lock_file),
    (re.compile("Saving a generated plan is currently not supported"), _remote),
)
