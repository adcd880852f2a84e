"""Reads YAML that somebody else wrote: what it can become is bounded, so that a small file never fills the memory.

An alias counts as all that its anchor has: nested aliases of ten lines otherwise become 10**9 values when they are merged
(`<<`) or written as text. YAML 1.1's numbers in base 60 take PyYAML a time that grows with the square of their length.
"""

from __future__ import annotations

from typing import Any

import yaml

MOST = 4 << 20  # characters, with NODE for each node, once all aliases are replaced by what they stand for
NODE = 8
LONGEST_NUMBER = 100
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
# What PyYAML raises for values that contradict their tags, as in `!!bool x` and `!!timestamp x`.
_MALFORMED = (ValueError, KeyError, IndexError, AttributeError, OverflowError, TypeError, RecursionError)


class UnreadableYamlError(ValueError):
    """The text is no YAML that can be read; `line` is where, if that is known."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


class _BoundedLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which counts what it composes."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._size = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        anchor, line = event.anchor, event.start_mark.line
        if isinstance(event, yaml.AliasEvent):
            if anchor in self.anchors and anchor not in self._sizes:
                raise UnreadableYamlError("an alias stands for what it is in", line)
            self._grow(self._sizes.get(anchor, 0), line)
            return super().compose_node(parent, index)
        before = self._size
        self._grow(NODE + len(getattr(event, "value", "")), line)
        node: Any = super().compose_node(parent, index)
        if anchor:
            self._sizes[anchor] = self._size - before
        if node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
            raise UnreadableYamlError(f"a number has more than {LONGEST_NUMBER} digits", line)
        return node

    def _grow(self, size: int, line: int) -> None:
        self._size += size
        if self._size > MOST:
            raise UnreadableYamlError("its aliases stand for too much", line)


def load(content: str | bytes) -> Any:
    """The value of a document, as `yaml.safe_load` reads it. Raises UnreadableYamlError."""
    try:
        return yaml.load(content, Loader=_BoundedLoader)  # noqa: S506  -- a safe loader
    except UnreadableYamlError:
        raise
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        raise UnreadableYamlError("it is no YAML", getattr(mark, "line", None)) from None
    except _MALFORMED:
        raise UnreadableYamlError("it is no YAML that can be read") from None
