"""Which refs may run: the code of a ref is run with the credentials of what it is run for."""

from __future__ import annotations

from typing import Literal

from bot.config.models import Model
from bot.config.values import RefPattern


class Refs(Model):
    """The branches, tags and commits whose code may run without an approval of their own.

    The configured ref, and the commits that it contains, always may. `allow` names further branches and tags, which have
    to meet the conditions that are set: contained in a protected branch; reviewed by somebody else, with green checks.
    `otherwise` is for any other ref. `apply_others`: whether the plan of such a ref may be applied once it was approved.
    """

    allow: tuple[RefPattern, ...] = ()
    contained_in_protected: bool = False
    reviewed: bool = False
    otherwise: Literal["approval", "refuse"] = "approval"
    apply_others: bool = False

    @property
    def has_conditions(self) -> bool:
        """Whether the refs of `allow` have to meet a condition."""
        return self.contained_in_protected or self.reviewed
