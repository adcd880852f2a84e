"""A single process works under an executor's name; the lock of a killed process is released."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.engine.single_instance import single_instance_lock
from bot.errors import ConfigError

HOLDER = """
import sys, time
from pathlib import Path
from bot.engine.single_instance import single_instance_lock
with single_instance_lock(Path(sys.argv[1]), "serve"):
    print("held", flush=True)
    time.sleep(60)
"""
ROOT = Path(__file__).parents[4]


def test_a_second_process_of_the_same_name_is_refused_in_words(tmp_path: Path) -> None:
    with single_instance_lock(tmp_path, "serve"):
        with pytest.raises(ConfigError) as refused, single_instance_lock(tmp_path, "serve"):
            pytest.fail("two at once")
        assert "another Signalbox is running as 'serve'" in str(refused.value)
        assert "SIGNALBOX_EXECUTOR" in str(refused.value)
        with single_instance_lock(tmp_path, "work"):
            pass
    with single_instance_lock(tmp_path, "serve"):
        pass


def test_the_name_is_free_again_when_its_process_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigError), single_instance_lock(tmp_path, "serve"):
            pytest.fail("two at once")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    _until_free(tmp_path)


def _until_free(workplace: Path) -> None:
    for attempt in range(100):
        try:
            with single_instance_lock(workplace, "serve"):
                return
        except ConfigError:
            if attempt == 99:
                raise
            signal.sigtimedwait([], 0.05)
