"""The full disk of the machine that Signalbox itself runs on."""

from __future__ import annotations

import re

DISK_FULL = re.compile(r"no space left on device|file too large|disk quota exceeded", re.IGNORECASE)
MAKE_ROOM = "Make room on the disk that operations keep their files on."
