"""What the tests of the HTTP server share."""

from __future__ import annotations

import pytest

from bot.process.health import Health


@pytest.fixture
def health() -> Health:
    return Health()
