"""Checks the patterns of `images.suspicious`: RE2 has to accept them, and says less clearly than we do what it lacks."""

from __future__ import annotations

import re

import re2

_LOOK_AROUND = "looks around a match, {}; write the text before and after it into the pattern, or several patterns"
_BACK_REFERENCE = "refers back to a group, {}; write the text again"
_ATOMIC = "has an atomic group or possessive repetition, {}; write a plain one, which is as fast"
_FLAG = "has a flag or comment that RE2 lacks, {}; leave it out"
_CHARACTER = "names a character, {}; write the character itself"
# What Python's `re` accepts and RE2 does not, by the beginning of RE2's error, with what to write instead.
_REMEDIES = {
    r"invalid perl operator: \(\?<?[=!]": _LOOK_AROUND,
    r"invalid perl operator: \(\?(P|\()": _BACK_REFERENCE,
    r"invalid perl operator: \(\?>": _ATOMIC,
    r"invalid perl operator": _FLAG,
    r"bad repetition operator: .\+": _ATOMIC,
    r"invalid repetition size": "repeats something more than 1000 times, {}; write + or *",
    r"invalid escape sequence: \\[1-9]": _BACK_REFERENCE,
    r"invalid escape sequence: \\Z": "ends with {}; write $",
    r"invalid escape sequence: \\[uUN]": _CHARACTER,
}
# What RE2 accepts and understands in another way than Python's `re` or than a scan of many lines needs.
_MISLEADING = {
    r"(?<!\\)\{,\d+\}": "repeats with {}; write {{0,...}}",
    r"\(\?[A-Za-z]*-[A-Za-z]*m": "switches off m, {}; a pattern is matched against one line anyway",
}


def problem_of(pattern: str) -> str | None:
    """What is wrong with a pattern and what to write instead; None if it can be used."""
    if not pattern:
        return "is empty; it would match every line"
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        return _in_words(error.args[0].decode(errors="replace"))
    return next(
        (text.format(found[0]) for form, text in _MISLEADING.items() if (found := re.search(form, pattern))), None
    )


def _in_words(error: str) -> str:
    for form, text in _REMEDIES.items():
        if re.match(form, error):
            return text.format(error.partition(": ")[2])
    return f"is not a valid regular expression: {error}"
