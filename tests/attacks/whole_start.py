"""A program that starts the bot as `serve` does, until it is ready, and then ends it."""

from __future__ import annotations

START = """
import logging, os, signal, sys
from bot.__main__ import main
class Stop(logging.Handler):
    def emit(self, record):
        if record.getMessage().startswith("ready as"):
            os.kill(os.getpid(), signal.SIGTERM)
logging.getLogger("bot.service").addHandler(Stop())
sys.exit(main(sys.argv[1:]))
"""
