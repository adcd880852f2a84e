"""Packer's output, with its colours."""

from __future__ import annotations

BOLD, PLAIN, FAULT = "\x1b[1;32m", "\x1b[0;32m", "\x1b[1;31m"
_END = "\x1b[0m"
LIMITED = "api error RequestLimitExceeded: Request limit exceeded."


def say(where: str, *lines: str) -> list[str]:
    """A headline of the build `where` (`amazon-ebs.cron`) for each line."""
    return [f"{BOLD}==> {where}: {line}{_END}" for line in lines]


def detail(where: str, *lines: str) -> list[str]:
    """Details of a build, with the output of its tools."""
    return [f"{PLAIN}    {where}: {line}{_END}" for line in lines]


def fault(where: str, *lines: str) -> list[str]:
    """An error of a build."""
    return [f"{FAULT}==> {where}: {line}{_END}" for line in lines]


def finished(where: str, seconds: float, region: str, image: str) -> list[str]:
    """The end of a successful build, and of Packer."""
    return [
        f"{BOLD}Build '{where}' finished after {span(seconds)}.{_END}",
        "",
        f"==> Wait completed after {span(seconds)}",
        "",
        "==> Builds finished. The artifacts of successful builds are:",
        f"--> {where}: AMIs were created:",
        f"{region}: {image}",
        "",
    ]


def errored(where: str, seconds: float, why: str) -> list[str]:
    """The end of a failed build."""
    return [
        f"{FAULT}Build '{where}' errored after {span(seconds)}: {why}{_END}",
        "",
        f"==> Wait completed after {span(seconds)}",
        "",
        "==> Some builds didn't complete successfully and had errors:",
        f"--> {where}: {why}",
        "",
        "==> Builds finished but no artifacts were created.",
    ]


def refused(operation: str, request_id: str) -> str:
    """The AWS SDK's error for a call that AWS's rate limit refused."""
    return f"operation error EC2: {operation}, https response error StatusCode: 503, RequestID: {request_id}, {LIMITED}"


def span(seconds: float) -> str:
    """`5 minutes 3 seconds`."""
    whole = max(1, round(seconds))
    parts = [(whole // 3600, "hour"), (whole // 60 % 60, "minute"), (whole % 60, "second")]
    return " ".join(f"{number} {unit}{'s' if number != 1 else ''}" for number, unit in parts if number)
