"""The process's own log: lines on stderr, redacted as everything that people read."""

from __future__ import annotations

import logging

from bot.redaction import RedactingFormatter, Redactor
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
)


def begin(redact: Redactor) -> None:
    """Write every line of level INFO and above to stderr, without secrets."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(lambda text: markup.plain(markup.redacted(text, redact))))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
