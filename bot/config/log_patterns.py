"""Checks the patterns of `images.suspicious` and `images.log_prefix`: RE2 must accept them, and each feature that RE2 lacks has a message with a remedy."""

from __future__ import annotations

import re

import re2

_LOOK_AROUND = "uses look-around, {}; write the surrounding text into the pattern, or split the pattern"
_BACK_REFERENCE = "uses a back-reference, {}; write the text again"
_ATOMIC = "has an atomic group or possessive repetition, {}; write a plain group or repetition, which is as fast"
_FLAG = "has a flag or comment that RE2 does not support, {}; remove it"
_CHARACTER = "has the name of a character, {}; write the character itself"
# Syntax of Python's `re` that RE2 rejects: the start of RE2's error, and the message.
_REMEDIES = {
    r"invalid perl operator: \(\?<?[=!]": _LOOK_AROUND,
    r"invalid perl operator: \(\?(P|\()": _BACK_REFERENCE,
    r"invalid perl operator: \(\?>": _ATOMIC,
    r"invalid perl operator": _FLAG,
    r"bad repetition operator: .\+": _ATOMIC,
    r"invalid repetition size": "repeats more than 1000 times, {}; write + or *",
    r"invalid escape sequence: \\[1-9]": _BACK_REFERENCE,
    r"invalid escape sequence: \\Z": "ends with {}; write $",
    r"invalid escape sequence: \\[uUN]": _CHARACTER,
}
# Syntax that RE2 reads differently than Python's `re`, or than a scan of many lines needs.
_MISLEADING = {
    r"(?<!\\)\{,\d+\}": "repeats with {}; write {{0,...}}",
    r"\(\?[A-Za-z]*-[A-Za-z]*m": "switches off m, {}; a pattern is matched against one line anyway",
}


def problem_of(pattern: str) -> str | None:
    """The problem of a pattern and its remedy; None for a valid pattern."""
    if not pattern:
        return "is empty and would match every line; write a pattern"
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        return _message_of(error.args[0].decode(errors="replace"))
    return next(
        (text.format(match[0]) for form, text in _MISLEADING.items() if (match := re.search(form, pattern))), None
    )


def problem_of_prefix(pattern: str) -> str | None:
    """The problem of a pattern for what is before the lines of a log, and its remedy; None for a valid pattern."""
    problem = problem_of(pattern)
    if problem is None and re2.match(pattern, ""):
        return "matches an empty text; write what every prefix has, for example a colon"
    return problem


def _message_of(error: str) -> str:
    for form, text in _REMEDIES.items():
        if re.match(form, error):
            return text.format(error.partition(": ")[2])
    return f"is not a valid regular expression: {error}"
