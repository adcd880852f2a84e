"""Pages for a person's browser that a handler file registers; bot/inbound/form_pages.py serves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from bot.config import Config
    from bot.services import Services


@dataclass(frozen=True, slots=True)
class Answered:
    """A page for a person's browser: its status and its HTML, which is served as it is."""

    status: int
    html: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page with a form, below `path`: what follows it in the address is an unguessable token.

    `display` answers each opening of it; `submit` gets the fields of the form. `style` is the only style
    that the page may have. An `enabled` page is served with this configuration. An unknown token gets None.
    """

    path: str
    style: str
    enabled: Callable[[Config], bool]
    display: Callable[[Services, str], Coroutine[Any, Any, Answered | None]]
    submit: Callable[[Services, str, Mapping[str, str]], Coroutine[Any, Any, Answered | None]]
