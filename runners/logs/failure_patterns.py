"""What tools print when they fail: the patterns that are built in, and those of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator

    Table = dict[str, tuple[tuple[str, str], ...]]

CONFIGURED = "configured"
STRONG, WEAK, CERTAIN = (
    3,
    1,
    100,
)  # the weights of findings; a job is suspect from a sum that `images.suspect_weight` sets
# A line that says so itself is about something that its author does not count as a failure.
_NOT_COUNTED = re2.compile(
    r"(?i)\b(?:ignor(?:ed|ing)|non-fatal|not fatal|harmless|skipp(?:ed|ing)|optional|continuing|retrying)(?:[^=\w]|$)"
)


@dataclass(frozen=True)
class FailurePattern:
    """An RE2 expression to search for in a line of a log, the tool that prints the line, and a name for people.

    The line has no colours. The expression is tried on the line and on what remains of it after each carrier before it.
    A `summary` reports only that something failed; another line, usually before it, gives the cause.
    """

    name: str
    pattern: str
    tool: str
    summary: bool = False
    weight: int = STRONG

    @property
    def configured(self) -> bool:
        """Whether the pattern comes from the configuration."""
        return self.tool == CONFIGURED

    def weight_of(self, text: str) -> int:
        """The weight of a line that matches: weak when the line says itself that it does not count."""
        return min(self.weight, WEAK) if not self.configured and _NOT_COUNTED.search(text) else self.weight


def configured(pattern: str) -> FailurePattern:
    """The failure pattern for an entry of `images.suspicious`."""
    return FailurePattern(f"configured: {pattern}", pattern, CONFIGURED, weight=CERTAIN)


# A program's name as programs print it before a message: "cp: ", "/tmp/script_1.sh: ". \w is ASCII in RE2.
_PROGRAM = r"^[\w\pL\pN./+-]+: "

# By tool: the name for people, and the pattern. The first pattern that matches a line is the one that counts.
_CAUSES: Table = {
    "shell": (
        ("command not found", _PROGRAM + r"(?:.*: )?command not found$"),
        ("command not found", r"^(?:/bin/)?(?:da)?sh: (?:line )?\d+: .*: not found$"),
        ("command not found", r"^env: .*: No such file or directory$"),
        ("no such file", _PROGRAM + r".*\bNo such file or directory\)?$"),
        ("permission denied", _PROGRAM + r".*\b[Pp]ermission denied$"),
        ("permission denied", r"\bPermission denied \((?:publickey|password)"),
        ("segmentation fault", r"(?:^|: line \d+: *\d+ |: )Segmentation fault\b"),
        ("killed", r"(?:^|: line \d+: *\d+ )Killed(?:$|\s{2,})"),
        ("out of memory", r"\bOut of memory: Kill|\bCannot allocate memory\b|^virtual memory exhausted"),
        ("out of memory", r"\bJavaScript heap out of memory|\bAllowed memory size of \d+ bytes exhausted"),
        ("disk full", r"\bNo space left on device\b|\bDisk quota exceeded\b"),
        ("syntax error", r"\bsyntax error (?:near unexpected token|: )|: [Ss]yntax error: "),
        ("syntax error", r"\bunexpected EOF while looking for matching\b"),
        ("unset variable", r": line \d+: \w+: unbound variable$"),
    ),
    "apt": (
        ("package not found", r"^E: Unable to locate package "),
        ("package not found", r"^E: Package '?.*'? has no installation candidate"),
        ("package not found", r"^E: Version '.*' for '.*' was not found$"),
        ("wrong checksum", r"^E: Failed to fetch .*\bHash Sum mismatch\b"),
        ("download failed", r"^(?:E: )?(?:Failed to fetch|Unable to fetch some archives) ?"),
        ("unmet dependencies", r"^(?:E: )?(?:Unmet dependencies|The following packages have unmet dependencies)\b"),
        ("unmet dependencies", r"^E: Unable to correct problems, you have held broken packages"),
        ("package not configured", r"^dpkg: error processing (?:package|archive) |^dpkg: (?:fatal )?error: "),
        ("package not configured", r"^E: Sub-process .* returned an error code"),
        ("locked", r"^E: (?:Could not get lock|Unable to acquire the dpkg) "),
        ("repository refused", r"^E: The repository '.*' (?:does not have a Release file|is not signed)"),
        ("apt error", r"^E: .*\b(?:[Uu]nable to|[Cc]ould not|[Ff]ailed to)\b"),
        ("download failed", r"^E: Some index files failed to download"),
    ),
    "npm": (("npm error", r"^npm ERR! |^npm error "),),
    "yarn": (
        ("yarn error", r"^error (?:An unexpected error occurred|Couldn't find |Command failed with exit code)"),
        ("yarn error", r"^➤ YN\d+: .*(?:\berror\b|\bfailed\b)|^Usage Error: .*lockfile"),
    ),
    "pip": (
        ("pip error", r"^ERROR: (?:Could not|No matching distribution|Failed|Cannot|Command errored|Exception)"),
        ("pip error", r"^error: (?:subprocess-exited-with|externally-managed-env|metadata-generation-failed)"),
    ),
    "composer": (
        ("composer error", r"^\s*\[(?:\w+\\)*\w*(?:Exception|Error)\]\s*$"),
        ("unmet dependencies", r"^\s*Your requirements could not be resolved to an installable set"),
        ("composer error", r"^\s*(?:Script .* returned with error code|Could not scan for classes) "),
    ),
    "php": (("php error", r"^(?:PHP )?(?:Fatal|Parse) error: +\S"),),
    "gem": (("gem error", r"^ERROR:  (?:Could not|While executing|Error installing|Failed to build|Loading)"),),
    "bundler": (
        ("bundler error", r"^(?:An error occurred while installing|Could not find gem|Bundler could not find) "),
    ),
    "cargo": (("cargo error", r"^error: could not compile |^error\[E\d{4}\]: "),),
    "curl": (("curl failed", r"\bcurl: \(\d+\) "),),
    "wget": (("wget failed", r"^\S+ \S+ ERROR [45]\d\d: |^wget: unable to resolve host|^C\w+ to .*\bfailed: [A-Z]"),),
    "network": (
        ("name not resolved", r"\bTemporary failure (?:in name resolution|resolving )|\bCould not resolve host"),
    ),
    "tls": (
        ("certificate refused", r"\bcertificate verify failed\b|\bx509: certificate |\bSSL certificate problem\b"),
        ("certificate refused", r"\bunable to get local issuer certificate\b|\bcertificate has expired\b"),
    ),
    "git": (
        ("git failed", r"^fatal: [^\[ ]"),  # "fatal: [host]" is Ansible's
        ("git failed", r"^error: (?:failed to push some refs|pathspec '.*' did not match|RPC failed)"),
        ("git failed", r"^remote: Repository not found\b"),
    ),
    "ssh": (("ssh failed", r"^Host key verification failed\b"),),
    "ansible": (
        ("failed task", r"^(?:fatal|failed): \[[^\]]+\](?:: (?:FAILED|UNREACHABLE)!|: \S| \(item=)"),
        ("failed task", r"^\S+ +: .*\bu\w+=(?:[1-9]\d* +failed=\d|\d+ +failed=[1-9])"),
        ("playbook not read", r"^ERROR! \S|^\[ERROR\]: \S"),
    ),
    "packer": (
        # "Error executing Ansible" is a summary.
        ("provisioner failed", r"^==> [\w.-]+: (?:Error (?:[^e]|e[^x])|error: )"),
    ),
    "systemd": (
        ("service failed", r"\bFailed to (?:start|restart|reload|enable) \S"),
        ("service failed", r"^Job for \S+ failed because\b|\bentered failed state\b|\bFailed with result '"),
    ),
    "make": (("make failed", r"^make(?:\[\d+\])?: \*\*\* \[.*\] Error \d"),),
    "cmake": (("cmake failed", r"^CMake Error\b"),),
    "python": (("traceback", r"^Traceback \(most recent call last\):"),),
    "java": (("uncaught exception", r'^Exception in thread "'),),
    "aws": (
        ("aws error", r"\bAn error occurred \(\w+\) when calling the \w+ operation"),
        ("aws error", r"\b(?:Unable to locate credentials|api error \w+: )"),
    ),
    "docker": (("docker error", r"^Error response from daemon: |^ERROR: failed to solve: |^docker: Error response"),),
    "tool": (("error", r"^(?:[│|] )?Error: \S"),),
    "mysql": (("database error", r"^ERROR \d{4} \(\w{5}\)"),),
    "postgres": (("database error", r"^(?:psql: )?(?:ERROR|FATAL):  \S"),),
}
# The tool's own error message says more than these, so they come last.
_SUMMARIES: Table = {
    "packer": (
        ("build failed", r"^(?:==> \S+: )?Build '[^']+' errored\b|^--> [\w.-]+: (?:Script exited|[Ee]rror)"),
        ("build failed", r"^==> Some builds didn't complete successfully"),
        (
            "provisioner failed",
            r"^==> [\w.-]+: (?:Error executing Ansible|Provisioning step had errors|Script exited with)",
        ),
    ),
    "github": (("marked as an error", r"^##\[error\]"),),
}


def _patterns(table: Table, *, summary: bool = False) -> Iterator[FailurePattern]:
    for tool, rows in table.items():
        for name, pattern in rows:
            yield FailurePattern(f"{tool}: {name}", pattern, tool, summary=summary)


BUILT_IN: tuple[FailurePattern, ...] = (*_patterns(_CAUSES), *_patterns(_SUMMARIES, summary=True))
