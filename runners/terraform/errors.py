"""Reads Terraform's diagnostics, and explains them as RunnerErrors with a remedy. Pure."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.errors import AccessDeniedError, RunnerError, UnavailableError
from runners.explain import explain as likely_cause
from runners.explain.disk import DISK_FULL, MAKE_ROOM
from runners.results import Diagnostic
from runners.terraform import causes, terragrunt_log
from runners.terraform.causes import NO_NETWORK, flat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_START = re.compile(r"^(Error|Warning): (.*)$")
_POSITION = re.compile(r"^\s+on (\S+) line (\d+)")
_CODE = re.compile(r"^\s+\d+: ?(.*)$")
_CREDENTIALS = "Check the credentials that terraform is given (terraform.secret_environment), and what they may do."
_NO_CREDENTIALS = re.compile(
    r"could not find default credentials|unable to build authorizer|could not configure AzureCli|NoCredentialProviders"
    r"|could not read Username|Authentication failed|Permission denied \(publickey"
    r"|No valid credential|ExpiredToken|InvalidClientTokenId|UnrecognizedClient|AccessDenied|UnauthorizedOperation"
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
    """The diagnostics in the output of a command for people; Terragrunt's errors where Terraform has none."""
    own, others = terragrunt_log.split(plain(text))
    lines = own.split("\n")
    starts = [at for at, line in enumerate(lines) if _START.match(line)]
    return [_from_lines(lines[start:end]) for start, end in pairwise([*starts, len(lines)])] or others


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
        for summary, explained in causes.EXPLANATIONS:
            explanation = explained(diagnostic, version) if summary.search(diagnostic.summary) else None
            if explanation:
                kind, problem, remedy = explanation
                return kind(doing, problem, remedy=remedy, exit_code=exit_code, log_tail=log)
    if any(map(DISK_FULL.search, [*map(_flat, errors), flat(tail)])):
        return RunnerError(doing, "the disk is full", remedy=MAKE_ROOM, exit_code=exit_code, log_tail=log)
    for error in errors:
        if _NO_CREDENTIALS.search(_flat(error)):
            cause = likely_cause(_as_text(error))
            remedy = cause.text if cause else _CREDENTIALS
            return AccessDeniedError(doing, _problem(error), remedy=remedy, exit_code=exit_code, log_tail=log)
        if NO_NETWORK.search(_flat(error)):
            remedy = (
                "Check that this machine reaches it, and the proxy settings in terraform.environment. Then plan again."
            )
            return UnavailableError(doing, _problem(error), remedy=remedy, exit_code=exit_code, log_tail=log)
    problem = _problem(errors[-1]) if errors else _exit_problem(exit_code)
    return RunnerError(doing, problem, exit_code=exit_code, log_tail=log)


def _flat(diagnostic: Diagnostic) -> str:
    return flat(f"{diagnostic.summary} {diagnostic.detail}")


def file_error(doing: str, error: OSError) -> RunnerError:
    """The error for an operation's files that cannot be read or written."""
    if DISK_FULL.search(error.strerror or ""):
        return RunnerError(doing, "the disk is full", remedy=MAKE_ROOM)
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
    if diagnostic.filename and Path(diagnostic.filename).name == causes.BACKEND_FILE:
        # The file is the operation's own, and its code has a setting's value.
        diagnostic = replace(diagnostic, filename=None, snippet=None)
    position = f"\n  {diagnostic.filename}:{diagnostic.line}" if diagnostic.filename else ""
    code = "".join(f"\n    {line}" for line in (diagnostic.snippet or "").splitlines())
    return f"{diagnostic.severity.capitalize()}: {diagnostic.summary}{position}{code}" + (
        f"\n{diagnostic.detail}" if diagnostic.detail else ""
    )
