"""An environment that may not be changed now, whenever a story is played: its only window opens in about twelve hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def window() -> str:
    """The text of a window of one hour, every day, which is closed for the next ten hours."""
    opens = datetime.now(UTC) + timedelta(hours=12)
    return f"Mon-Sun {opens:%H}:00-{opens + timedelta(hours=1):%H}:00 UTC"


PROD = {"    after: dev\n": f'    after: dev\n    windows: ["{window()}"]\n'}  # pieces of the sandbox's configuration
