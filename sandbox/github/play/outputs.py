"""What a script writes to `$GITHUB_OUTPUT` and `$GITHUB_ENV`, as far as that can be known without a shell.

Lines such as `echo "name=value" >> "$GITHUB_OUTPUT"` are read, with variables, files of the repository
(`$(cat FILE)`, `$(jq -c . FILE)`) and lists of words (`$(jq -cR 'split(",")' <<< "$WORDS")`).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from sandbox.github.expressions import Incomplete, Unknown, UnknownValueError, Value, to_text
from sandbox.github.expressions.templates import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

_WRITES = r"""(?P<line>.*?)\s*(?:>>|\|\s*tee\s+-a)\s*["']?\$\{?%s\}?["']?\s*"""
_ECHO = re.compile(r"""\s*echo\s+(?P<quote>["']?)(?P<name>[\w-]+)=(?P<value>.*?)(?P=quote)\s*""")
_ASSIGNMENT = re.compile(r"""\s*(\w+)=(?P<quote>["']?)(?P<value>.*?)(?P=quote)\s*""")
# A line may run or not, or often: what it writes is not known.
_FLOW = re.compile(r"^\s*(if|for|while|until|case|function|exit)\b|\|\||&&|\(\)\s*\{|<<", re.MULTILINE)
_SUBSTITUTION = re.compile(
    r"""\$\((?P<command>[^()]*(?:\([^()]*\)[^()]*)*)\)|\$\{(?P<braced>[^}]*)\}|\$(?P<name>\w+)|(?P<tick>`)"""
)
_BRACED = re.compile(r"(?P<name>\w+)(?::0?:(?P<length>\d+)|##\*(?P<after>[/:-])|#(?P<prefix>[\w/.-]+))?")
_SPLIT = re.compile(r"""jq\s+-(?:cR|Rc)\s+'split\("(?P<by>[^"]*)"\)'\s+<<<\s+"?\$\{?(?P<name>\w+)\}?"?""")
_FILE = re.compile(r"""(?P<program>cat|jq\s+-(?:c|rc|cr)\s+'?\.'?)\s+"?(?P<path>[\w./-]+)"?""")
_SHELLS = ("", "bash", "sh")


def written_by(
    script: str, target: str, variables: Mapping[str, Value], files: Mapping[str, bytes], shell: str = ""
) -> dict[str, Value]:
    """What the script writes to `target` (GITHUB_OUTPUT, GITHUB_ENV), by name; Incomplete where a line is not understood.

    `variables` are the environment; `files` the repository's.
    """
    if target not in script:
        return {}
    why = "no shell runs here, so that what this script writes is not known"
    without_heredoc = script.replace("<<<", "")
    if (shell.split() or [""])[0] not in _SHELLS or _FLOW.search(without_heredoc):
        return Incomplete(why)
    writes = re.compile(_WRITES % target)
    local: dict[str, Value] = dict(variables)
    outputs, understood = Incomplete(why), True
    for line in script.splitlines():
        if target in line:
            written = writes.fullmatch(line)
            echo = _ECHO.fullmatch(written["line"]) if written else None
            understood = understood and echo is not None
            if echo:
                outputs[echo["name"]] = _value(echo["value"], echo["quote"], local, files)
        elif assigned := _ASSIGNMENT.fullmatch(line):
            local[assigned[1]] = _value(assigned["value"], assigned["quote"], local, files)
    return dict(outputs) if understood else outputs


def _value(written: str, quote: str, variables: Mapping[str, Value], files: Mapping[str, bytes]) -> Value:
    if UNKNOWN in written:
        return Unknown(f"`{written}` depends on what only a runner could know")
    if quote == "'":
        return written
    try:
        text = _SUBSTITUTION.sub(lambda match: _substituted(match, variables, files), written)
    except UnknownValueError as error:
        return Unknown(str(error))
    return text.replace('\\"', '"') if quote else text


def _substituted(match: re.Match[str], variables: Mapping[str, Value], files: Mapping[str, bytes]) -> str:
    if match["name"]:
        return to_text(variables.get(match["name"]))
    if match["braced"] is not None:
        return _braced(match["braced"], variables)
    command = (match["command"] or "").strip()
    if split := _SPLIT.fullmatch(command):
        words = to_text(variables.get(split["name"]))
        return json.dumps(words.split(split["by"]) if words else [], separators=(",", ":"))
    if file := _FILE.fullmatch(command):
        return _content(file["program"], file["path"], files)
    raise UnknownValueError(f"no shell runs here, so that the output of `{command or match[0]}` is not known")


def _braced(written: str, variables: Mapping[str, Value]) -> str:
    parts = _BRACED.fullmatch(written)
    if parts is None:
        raise UnknownValueError(f"no shell runs here, so that ${{{written}}} is not known")
    text = to_text(variables.get(parts["name"]))
    if parts["length"]:
        return text[: int(parts["length"])]
    if parts["after"]:
        return text.rpartition(parts["after"])[2]
    return text.removeprefix(parts["prefix"] or "")


def _content(program: str, path: str, files: Mapping[str, bytes]) -> str:
    content = files.get(path.removeprefix("./"))
    if content is None:
        raise UnknownValueError(f"the repository has no file {path}")
    text = content.decode(errors="replace").strip()
    if program == "cat":
        return text
    try:
        return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)
    except ValueError as error:
        raise UnknownValueError(f"{path} is no JSON: {error}") from error
