"""A single process works under an executor's name; the lock of a killed process is released."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.engine.single_instance import single_instance_lock
from bot.errors import ConfigError

if TYPE_CHECKING:
    from bot.store.database import Store

HOLDER = """
import sys, time
from pathlib import Path
from bot.engine.single_instance import single_instance_lock
from bot.store.database import Store
with single_instance_lock(Store(sys.argv[1]), Path(sys.argv[2]), "serve"):
    print("held", flush=True)
    time.sleep(60)
"""
ROOT = Path(__file__).parents[4]


def test_a_second_process_of_the_same_name_is_refused_in_words(store: Store, tmp_path: Path) -> None:
    with single_instance_lock(store, tmp_path, "serve"):
        with pytest.raises(ConfigError) as refused, single_instance_lock(store, tmp_path, "serve"):
            pytest.fail("two at once")
        assert "another Signalbox is running as 'serve'" in str(refused.value)
        assert "SIGNALBOX_EXECUTOR" in str(refused.value)
        with single_instance_lock(store, tmp_path, "work"):
            pass
    with single_instance_lock(store, tmp_path, "serve"):
        pass


@pytest.mark.needs_postgres
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_on_another_machine_with_the_same_database_it_is_refused_too(store: Store, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with (
        single_instance_lock(store, tmp_path / "one", "serve"),
        pytest.raises(ConfigError, match="serve"),
        single_instance_lock(store, tmp_path / "other", "serve"),
    ):
        pytest.fail("two at once")
    with single_instance_lock(store, tmp_path / "other", "serve"):
        pass


def test_the_name_is_free_again_when_its_process_was_killed(store: Store, url: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigError), single_instance_lock(store, tmp_path, "serve"):
            pytest.fail("two at once")
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    _until_free(store, tmp_path)


def _until_free(store: Store, workplace: Path) -> None:
    # The operating system lets go at once, PostgreSQL when it notices that the connection is gone.
    for attempt in range(100):
        try:
            with single_instance_lock(store, workplace, "serve"):
                return
        except ConfigError:
            if attempt == 99:
                raise
            signal.sigtimedwait([], 0.05)
