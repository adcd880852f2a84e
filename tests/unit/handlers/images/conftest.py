"""EC2 by moto, with a configuration that keeps the newest image of each machine role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.config import read as read_config
from tests.unit.handlers.clean_up_support import (
    KEEPS_ONE,
    LONG_AFTER,
)

if TYPE_CHECKING:
    from runners.aws.client import Account
    from tests.unit.handlers.conftest import Desk


@pytest.fixture
def account(desk: Desk, account: Account) -> Account:
    desk.config, desk.now = read_config(KEEPS_ONE), LONG_AFTER
    return account
