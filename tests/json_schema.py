"""The validators of jsonschema, without its check of the format "iri", which no schema of the tests has.

For that check jsonschema builds a parser in its import: a fifth of the time in which a process collects all tests.
"""

from __future__ import annotations

import sys
from typing import cast

# None lets an import of this name fail, and then jsonschema does without.
cast("dict[str, None]", sys.modules).setdefault("rfc3987_syntax", None)

from jsonschema import Draft7Validator, Draft202012Validator  # noqa: E402 -- after the line above

__all__ = ["Draft7Validator", "Draft202012Validator"]
