"""Reads Terraform's diagnostics, and explains them as RunnerErrors with a remedy. Pure."""

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

LOCK_REMEDY = (
    "Wait until that has ended. Where PostgreSQL keeps the state, a lock goes with its holder, also one that died."
)
LONGEST_CAUSE = 400  # characters
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_START = re.compile(r"^(Error|Warning): (.*)$")
_POSITION = re.compile(r"^\s+on (\S+) line (\d+)")
_CODE = re.compile(r"^\s+\d+: ?(.*)$")
_LOCK = re.compile(r"^\s*(ID|Path|Who|Operation|Created):[ \t]*(\S.*?)\s*$", re.MULTILINE)
# The backends "http" and "pg" describe the requested lock in place of the held lock; "http" names the held lock's id.
_REQUESTED_LOCK = re.compile(
    r"HTTP remote state already locked(?:: ID=(\S+))?|Workspace is already locked: |already locked for workspace creation: ",
    re.IGNORECASE,
)
# The backend "pg" could not ask for the lock.
_LOCK_FAILED = re.compile(r"Error message: (?:pq: |dial tcp |read tcp |write tcp |driver: bad connection)")
_CREATED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)? ([+-]\d{4})(?: \S+)?")
NO_NETWORK = re.compile(
    r"could not connect|no such host|connection refused|failed to connect|dial tcp|TLS handshake|i/o timeout"
    r"|deadline exceeded|could not resolve host",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(r"no space left on device|file too large|disk quota exceeded", re.IGNORECASE)
_DISK_REMEDY = "Make room on the disk that operations keep their files on."
_NO_CREDENTIALS = re.compile(
    r"No valid credential|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|AccessDenied|UnauthorizedOperation"
    r"|StatusCode: 403|error configuring S3 Backend",
    re.IGNORECASE,
)


def from_json_lines(lines: Iterable[str]) -> Iterator[Diagnostic]:
    """The diagnostics in the output of a command with `-json`; all other lines are skipped."""
    for line in lines:
        message = read_message(line)
        if message.get("type") == "diagnostic" and isinstance(message.get("diagnostic"), dict):
            yield from_json(message["diagnostic"])


def read_message(line: str) -> Mapping[str, Any]:
    """The message in a line of `-json` output; empty for plain text or a truncated line."""
    try:
        message = json.loads(line) if line.startswith("{") else {}
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def from_json(message: Mapping[str, Any]) -> Diagnostic:
    """The diagnostic in Terraform's JSON, see its "Machine-Readable UI" and `validate -json`."""
    position, snippet = _object(message.get("range")), _object(message.get("snippet"))
    return Diagnostic(
        severity=str(message.get("severity", "error")),
        summary=str(message.get("summary", "")),
        detail=str(message.get("detail", "")),
        filename=position.get("filename"),
        line=_object(position.get("start")).get("line"),
        snippet=snippet.get("code"),
        address=message.get("address"),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def plain(text: str) -> str:
    """The output of a command for people, without colours and boxes."""
    return "\n".join(re.sub(r"^[│╷╵] ?", "", line).rstrip() for line in _ESCAPES.sub("", text).splitlines()).strip()


def from_text(text: str) -> list[Diagnostic]:
    """The diagnostics in the output of a command for people."""
    lines = plain(text).split("\n")
    starts = [at for at, line in enumerate(lines) if _START.match(line)]
    return [_from_lines(lines[start:end]) for start, end in pairwise([*starts, len(lines)])]


def _from_lines(lines: Sequence[str]) -> Diagnostic:
    first = _START.match(lines[0])
    severity, summary = (first[1].lower(), first[2]) if first else ("error", lines[0])
    heading = next((at for at, line in enumerate(lines) if not line), len(lines))  # long summaries are wrapped
    rest = list(lines[heading:])
    position = next((match for line in rest if (match := _POSITION.match(line))), None)
    code = [match[1] for line in rest if (match := _CODE.match(line))] if position else []
    detail = [line for line in rest if not (position and (_POSITION.match(line) or _CODE.match(line)))]
    return Diagnostic(
        severity=severity,
        summary=" ".join([summary, *lines[1:heading]]),
        detail=re.sub(r"\n{3,}", "\n\n", "\n".join(detail)).strip(),
        filename=position[1] if position else None,
        line=int(position[2]) if position else None,
        snippet="\n".join(code) or None,
    )


def explain(
    doing: str, exit_code: int, diagnostics: Sequence[Diagnostic], *, version: str, tail: str = ""
) -> RunnerError:
    """The error for a command that failed; `version` is the program with its version, `tail` its last output."""
    errors = distinct(diagnostic for diagnostic in diagnostics if diagnostic.severity == "error")
    log = "\n\n".join(map(_as_text, errors)) or tail.strip()
    for diagnostic in errors:
        for summary, explained in _EXPLANATIONS:
            explanation = explained(diagnostic, version) if summary.search(diagnostic.summary) else None
            if explanation:
                kind, problem, remedy = explanation
                return kind(doing, problem, remedy=remedy, exit_code=exit_code, log_tail=log)
    if any(_DISK_FULL.search(f"{error.summary} {error.detail}") for error in errors) or _DISK_FULL.search(tail):
        return RunnerError(doing, "the disk is full", remedy=_DISK_REMEDY, exit_code=exit_code, log_tail=log)
    if any(_NO_CREDENTIALS.search(f"{error.summary} {error.detail}") for error in errors):
        remedy = "Check the credentials that terraform is given, and what they may do."
        return AccessDeniedError(doing, _problem(errors[0]), remedy=remedy, exit_code=exit_code, log_tail=log)
    problem = _problem(errors[-1]) if errors else _exit_problem(exit_code)
    return RunnerError(doing, problem, exit_code=exit_code, log_tail=log)


def file_error(doing: str, error: OSError) -> RunnerError:
    """The error for an operation's files that cannot be read or written."""
    if _DISK_FULL.search(error.strerror or ""):
        return RunnerError(doing, "the disk is full", remedy=_DISK_REMEDY)
    return RunnerError(doing, f"the operation's files cannot be read or written: {error.strerror}")


def _exit_problem(exit_code: int) -> str:
    if exit_code >= 0:
        return "terraform ended with an error"
    name = signal.Signals(-exit_code).name if -exit_code in signal.valid_signals() else f"signal {-exit_code}"
    return f"terraform was killed ({name}), perhaps since the machine has too little memory"


def distinct(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics without repetitions."""
    return list(dict.fromkeys(diagnostics))


def _problem(diagnostic: Diagnostic) -> str:
    position = f" ({diagnostic.filename}:{diagnostic.line})" if diagnostic.filename else ""
    detail = diagnostic.detail.split("\n\n")[0].replace("\n", " ").strip()
    return f"{diagnostic.summary}{position}{': ' + detail if detail else ''}"


def _as_text(diagnostic: Diagnostic) -> str:
    position = f"\n  {diagnostic.filename}:{diagnostic.line}" if diagnostic.filename else ""
    code = "".join(f"\n    {line}" for line in (diagnostic.snippet or "").splitlines())
    return f"{diagnostic.severity.capitalize()}: {diagnostic.summary}{position}{code}" + (
        f"\n{diagnostic.detail}" if diagnostic.detail else ""
    )


_Explanation = tuple["Callable[..., RunnerError]", str, str]


def _stale(diagnostic: Diagnostic, version: str) -> _Explanation:
    del diagnostic, version
    return (
        StalePlanError,
        "the infrastructure's state has changed since this plan was made",
        "Nothing was applied. Plan again.",
    )


def _locked(diagnostic: Diagnostic, version: str) -> _Explanation | None:
    del version
    fields = dict(_LOCK.findall(diagnostic.detail))
    if requested := _REQUESTED_LOCK.search(diagnostic.detail):
        if not requested[1]:
            return StateLockedError, "somebody holds the state's lock, and the backend does not tell who", LOCK_REMEDY
        fields = {"ID": requested[1]}
    if "ID" not in fields or _LOCK_FAILED.search(diagnostic.detail):
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
    holding = f"has held the state's lock since {since}" if since else "holds the state's lock"
    return (
        error,
        f"{who} {holding} ({f'{operation}, ' if operation else ''}lock {fields['ID']})",
        f"Wait until that has ended. If it no longer runs, release the lock with:\nterraform force-unlock {fields['ID']}",
    )


def _time(text: str) -> datetime | None:
    """A time as Go prints it: 2026-11-23 14:11:46.885761976 +0000 UTC; nanoseconds are cut to microseconds."""
    match = _CREATED.fullmatch(text)
    if not match:
        return None
    try:
        return datetime.fromisoformat(f"{match[1]}{(match[2] or '.0')[:7].ljust(7, '0')}{match[3]}").astimezone(UTC)
    except ValueError:
        return None


def _version(diagnostic: Diagnostic, version: str) -> _Explanation:
    required = re.search(r'required_version\s*=\s*"([^"]*)"', diagnostic.snippet or "")
    return (
        RunnerError,
        f"the code wants Terraform {required[1] if required else 'of another version'}, and this is {version}"
        + (f" ({diagnostic.filename}:{diagnostic.line})" if diagnostic.filename else ""),
        "Name a fitting program in the configuration, or change required_version in the code.",
    )


def _download(diagnostic: Diagnostic, version: str) -> _Explanation | None:
    del version
    if not NO_NETWORK.search(diagnostic.detail):
        return None
    paragraph = " ".join(next(part for part in diagnostic.detail.split("\n\n") if NO_NETWORK.search(part)).split())
    missing = re.search(r'(provider \S+/\S+?|module "[^"]+"):? ', paragraph)
    cause = paragraph[missing.end() :] if missing else paragraph
    return (
        UnavailableError,
        f"{missing[1] if missing else 'a provider or module'} cannot be downloaded: {cause[:LONGEST_CAUSE]}",
        "Check that this machine reaches the registry, or give it a provider mirror or a filled plugin cache.",
    )


def _crashed(diagnostic: Diagnostic, version: str) -> _Explanation:
    del version
    text = f"{diagnostic.summary} {diagnostic.detail}"
    name = re.search(r"terraform-provider-([A-Za-z0-9-]+)|provider \"?([\w.-]+/[\w-]+/[\w-]+)", text)
    return (
        RunnerError,
        f"the provider {(name[1] or name[2]) if name else 'of a resource'} crashed",
        "Try again; if it crashes again, take another version of it, and report it to those who make it.",
    )


def _not_started(diagnostic: Diagnostic, version: str) -> _Explanation | None:
    # A provider that exits at once: Terraform may notice that before it reads the panic, and reports no crash.
    return _crashed(diagnostic, version) if "Unrecognized remote plugin message" in diagnostic.detail else None


def _unreadable(diagnostic: Diagnostic, version: str) -> _Explanation:
    # Terraform 1.11 reports "Saved the plan" also when only a part of it was written.
    del diagnostic, version
    return (
        RunnerError,
        "the plan was not written whole",
        "Check that the disk that operations keep their files on is not full.",
    )


def _lock_file(diagnostic: Diagnostic, version: str) -> _Explanation:
    del version
    return (
        RunnerError,
        f"the code's .terraform.lock.hcl does not fit it: {diagnostic.summary}",
        "Run terraform init (or terraform providers lock for this platform) and commit the lock file.",
    )


def _remote(diagnostic: Diagnostic, version: str) -> _Explanation:
    del version
    return RunnerError, f"this backend cannot save plans: {diagnostic.summary}", "Plan this one in HCP Terraform."


_EXPLANATIONS: Sequence[tuple[re.Pattern[str], Callable[[Diagnostic, str], _Explanation | None]]] = (
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
