"""The process's own log: lines on stderr, as text or JSON, redacted as everything that people read."""

from __future__ import annotations

import logging

from bot.process import log_context
from bot.redaction import JsonFormatter, RedactingFormatter, Redactor
from bot.slack.blocks import markup

# At these levels the libraries print whole payloads, response_url and tokens included.
QUIET = (
    "alembic",
    "slack_sdk",
    "slack_bolt",
    "dbos",
    "botocore",
    "aiohttp.access",
    "urllib3",
    "github",
    "httpx",
    "pytfe",
    "opentelemetry",
)


def begin(redact: Redactor, *, as_json: bool = False) -> None:
    """Write every line of level INFO and above to stderr, without secrets."""

    def clean(text: str) -> str:
        return markup.plain(markup.redacted(text, redact))

    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(clean, log_context.current) if as_json else RedactingFormatter(clean))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
