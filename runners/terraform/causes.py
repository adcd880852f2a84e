"""The causes of Terraform's failures that have a remedy, by the words of its diagnostics. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runners.errors import RunnerError, StalePlanError, StateLockedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.results import Diagnostic

BACKEND_FILE = "backend.tfbackend"  # has terraform.backend_config, in the scratch directory
LOCK_REMEDY = (
    "Wait until that has ended. Where PostgreSQL keeps the state, a lock goes with its holder, also one that died."
)
IN_HCP = "Plan it in HCP Terraform: replace `directory` by `terraform.hcp` with `organization` and `workspace`."
LONGEST_CAUSE = 400  # characters
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
_ENCRYPTION = re.compile(
    r"decryption failed for all provided methods|encountered unencrypted payload|is encrypted and can ?not be read|Error fetching key_provider"
    r"|Unable to (?:fetch|build) encryption key data|Unable to decode encrypted metadata|during method setup"
)
_CRASH = re.compile("plugin crashed|Plugin did not respond|Unrecognized remote plugin", re.IGNORECASE)


def flat(text: str) -> str:
    """The text on one line: Terraform wraps lines inside of its sentences."""
    return " ".join(text.split())


Explanation = tuple["Callable[..., RunnerError]", str, str]


def _stale(diagnostic: Diagnostic, version: str) -> Explanation:
    del diagnostic, version
    return (
        StalePlanError,
        "the infrastructure's state has changed since this plan was made",
        "Nothing was applied. Plan again.",
    )


def command_of(version: str) -> str:
    """The program to type, by its name and version: "tofu 1.11.4"."""
    return "tofu" if version.startswith("tofu") else "terraform"


def _locked(diagnostic: Diagnostic, version: str) -> Explanation | None:
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
        f"Wait until that has ended. If it no longer runs, release the lock with:\n{command_of(version)} force-unlock {fields['ID']}",
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


def _version(diagnostic: Diagnostic, version: str) -> Explanation:
    required = re.search(r'required_version\s*=\s*"([^"]*)"', diagnostic.snippet or "")
    return (
        RunnerError,
        f"the code wants {'OpenTofu' if command_of(version) == 'tofu' else 'Terraform'} {required[1] if required else 'of another version'}, and this is {version}"
        + (f" ({diagnostic.filename}:{diagnostic.line})" if diagnostic.filename else ""),
        "Name a fitting program in the configuration, or change required_version in the code.",
    )


def _download(diagnostic: Diagnostic, version: str) -> Explanation | None:
    del version
    paragraphs = [flat(part) for part in (*diagnostic.detail.split("\n\n"), diagnostic.summary)]
    paragraph = next(filter(NO_NETWORK.search, paragraphs), "")
    if not paragraph:
        return None
    missing = re.search(r'(provider \S+/\S+?|module "[^"]+"):? ', paragraph)
    cause = paragraph[missing.end() :] if missing else paragraph
    cause = cause[cause.find("fatal: ") :] if "fatal: " in cause else cause  # git's own word comes last
    if not missing and "discovery document" in paragraph:
        host = re.search(r"https://([^/\"]+)", paragraph)
        remedy = "Check that this machine reaches it, and the proxy settings in terraform.environment."
        return (
            UnavailableError,
            f"{host[1] if host else 'HCP Terraform'} cannot be reached: {cause[:LONGEST_CAUSE]}",
            remedy,
        )
    return (
        UnavailableError,
        f"{missing[1] if missing else 'a provider or module'} cannot be downloaded: {cause[:LONGEST_CAUSE]}",
        "Check that this machine reaches the registry, or give it a provider mirror or a filled plugin cache.",
    )


def _crashed(diagnostic: Diagnostic, version: str) -> Explanation:
    del version
    text = flat(f"{diagnostic.summary} {diagnostic.detail}")
    name = re.search(r"terraform-provider-([A-Za-z0-9-]+)|provider \"?([\w.-]+/[\w-]+/[\w-]+)", text)
    return (
        RunnerError,
        f"the provider {(name[1] or name[2]) if name else 'of a resource'} crashed",
        "Try again; if it crashes again, take another version of it, and report it to those who make it.",
    )


def _ended_early(diagnostic: Diagnostic, version: str) -> Explanation | None:
    # A provider that exits at once: Terraform may notice that before it reads the panic, and reports no crash.
    return _crashed(diagnostic, version) if _CRASH.search(flat(diagnostic.detail)) else None


def _backend_setting(diagnostic: Diagnostic, version: str) -> Explanation | None:
    del version
    if not diagnostic.filename or Path(diagnostic.filename).name != BACKEND_FILE:
        return None
    key = (diagnostic.snippet or "").split("=")[0].strip()
    first, _, hint = flat(diagnostic.detail).partition(". ")
    return (
        RunnerError,
        f"terraform.backend_config{f'.{key}' if key else ''}: {diagnostic.summary}. {first.removesuffix('.')}",
        f"{hint} Correct terraform.backend_config.".strip(),
    )


def _encryption(diagnostic: Diagnostic, version: str) -> Explanation | None:
    """OpenTofu's encryption of state and plans: internal/encryption/base.go and keyprovider.go of OpenTofu 1.13-dev."""
    del version
    text = flat(f"{diagnostic.summary}: {diagnostic.detail}")
    if not _ENCRYPTION.search(text):
        return None
    remedy = (
        "Check the key of the code's `encryption` block. A key in TF_ENCRYPTION or TF_VAR_... comes from "
        "terraform.secret_environment."
    )
    return RunnerError, f"the state or plan cannot be decrypted: {text[:LONGEST_CAUSE].removesuffix(': ')}", remedy


def _unreadable(diagnostic: Diagnostic, version: str) -> Explanation:
    # Terraform 1.11 reports "Saved the plan" also when only a part of it was written.
    del diagnostic, version
    return (
        RunnerError,
        "the plan was not written whole",
        "Check that the disk that operations keep their files on is not full.",
    )


def _lock_file(diagnostic: Diagnostic, version: str) -> Explanation:
    command = command_of(version)
    return (
        RunnerError,
        f"the code's .terraform.lock.hcl does not fit it: {diagnostic.summary}",
        f"Run {command} init (or {command} providers lock for this platform) and commit the lock file.",
    )


def _remote(diagnostic: Diagnostic, version: str) -> Explanation:
    del version
    return RunnerError, f"this backend cannot save plans: {diagnostic.summary}", IN_HCP


def _no_workspace(diagnostic: Diagnostic, version: str) -> Explanation:
    del version
    where = f" ({diagnostic.filename}:{diagnostic.line})" if diagnostic.filename else ""
    return RunnerError, f"the code keeps its state in HCP Terraform and names no workspace{where}", IN_HCP


EXPLANATIONS: Sequence[tuple[re.Pattern[str], Callable[[Diagnostic, str], Explanation | None]]] = (
    (re.compile("Saved plan is stale|does not match the given state"), _stale),
    (re.compile("acquiring the state lock"), _locked),
    (re.compile("Unsupported (Terraform|OpenTofu) Core version"), _version),
    (
        re.compile(
            "Failed to (query|install|download)|provider package|Module not found|download module|module registry|discovery document"
        ),
        _download,
    ),
    (_CRASH, _crashed),
    (re.compile(""), _ended_early),
    (re.compile(""), _backend_setting),
    (re.compile(""), _encryption),
    (re.compile("Failed to read the given file as a state or plan file"), _unreadable),
    (re.compile("Provider dependency changes detected|Inconsistent dependency lock file"), _lock_file),
    (re.compile("Invalid workspaces configuration"), _no_workspace),
    (re.compile("Saving a generated plan is currently not supported"), _remote),
)
