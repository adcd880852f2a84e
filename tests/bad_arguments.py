"""What must never reach a program, and the arguments in which it is tried."""

from __future__ import annotations

BAD = {
    "a second command": "; rm -rf /",
    "a substitution": "$(touch /tmp/pwned)",
    "backticks": "`id`",
    "a path upwards": "../..",
    "an option": "--upload-pack=/bin/sh",
    "a short option": "-rf",
    "a line break": "main\nstaging",
    "a carriage return": "main\rstaging",
    "a NUL": "main\0staging",
    "an escape": "\x1b[31mmain",
    "a right-to-left mark": "main\u202egnigats",
    "10,000 characters": "a" * 10_000,
    "an emoji": "🚀",
    "the whole channel": "<!channel>",
    "the whole channel as typed": "@channel",
    "a person": "<@U0ANA>",
    "a person as typed": "@ana",
    "a link": "https://example.com/main",
    "a quote": "'main\"",
    "a percent sign": "%2e%2e",
    "a backslash": "main\\..",
}
PLACES = (
    "/deploy {}",
    "/deploy dev {}",
    "/plan {}",
    "/plan staging {}",
    "/plan staging backend_ami={}",
    "/plan staging {}=x",
    "/build {}",
    "/build backend {}",
    "/infra {}",
    "/infra help {}",
    "/infra audit {}",
)
