"""A directory of the user's own in place of the made-up repository: its files, its configuration, and what is replaced in it."""

from __future__ import annotations

from sandbox.own.files import OwnRepositoryError, read_files
from sandbox.own.settings import CONFIG, Own, own_repository

__all__ = ["CONFIG", "Own", "OwnRepositoryError", "own_repository", "read_files"]
