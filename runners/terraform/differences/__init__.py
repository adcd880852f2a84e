"""Differences of a plan's attribute values before and after, and their texts for people. Pure."""

from runners.terraform.differences.comparison import Difference, Path, compare
from runners.terraform.differences.rendering import LONGEST_TEXT, render, render_path
from runners.terraform.differences.texts import Piece
from runners.terraform.differences.values import MISSING, is_empty

__all__ = [
    "LONGEST_TEXT",
    "MISSING",
    "Difference",
    "Path",
    "Piece",
    "compare",
    "is_empty",
    "render",
    "render_path",
]
