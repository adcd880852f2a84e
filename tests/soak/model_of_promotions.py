"""The model's rules about promotions: pull requests that are opened and merged, once each, and what messages say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.soak.model import Observed

PROMOTED = "Promoted:"
BEGUN = "`merge "  # an end of what nobody continues names the side effects that had begun


def promotions(observed: Observed) -> Iterator[str]:
    """As many pull requests are merged as deploys say; an operation opens one, and merges one, at most."""
    if any(each.ended_at is None for each in observed.operations):
        return
    claimed = [number for number, text in observed.texts.items() if PROMOTED in text.replace("*", "") or BEGUN in text]
    merged = sum(observed.pulls)
    if merged != len(claimed):
        yield f"untrue: {merged} pull requests are merged, and {len(claimed)} deploys say so"
    for what, counted in (("open", len(observed.pulls)), ("merge", merged)):
        begun = {each.row["operation"] for each in observed.history if str(each.row.get("name")).startswith(what)}
        if counted > len(begun):
            yield f"doubled: {counted} times a pull request was to {what}, begun by {len(begun)} operations"


RULES = (promotions,)
