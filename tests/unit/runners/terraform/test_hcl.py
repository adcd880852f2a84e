"""What the reader of HCL understands, against configurations whose content is generated first and written afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runners.terraform.hcl import Block, Scope, parse

NAMES = st.from_regex(r"[a-z_][a-z0-9_-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
NOISE = st.sampled_from(
    [
        "",
        "\n",
        "# a = {\n",
        "// }\n",
        "/* b {\n */\n",
        'x = "${f({ a = "}" })}"\n',
        "y = [\n  1, # ]\n]\n",
        "z = <<EOT\nq {\nEOT\n",
    ]
)


def quoted(text: str) -> str:
    """As HCL writes a text without templates."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


@given(st.lists(st.tuples(NAMES, TEXTS, st.lists(TEXTS, max_size=3), NOISE), max_size=5))
def test_blocks_and_texts_are_read_as_they_were_written(blocks: list[tuple[str, str, list[str], str]]) -> None:
    written = [
        f'{noise}dependency "{label}" {{\n  config_path = {quoted(path)}\n{noise}}}\n'
        f"dependencies {{ paths = [{', '.join(map(quoted, paths))}] }}\n"
        for label, path, paths, noise in blocks
    ]
    body, scope = parse("".join(written)), Scope()
    singles = [(block.labels, scope.text(block.attributes["config_path"])) for block in body.of("dependency")]
    assert singles == [((label,), path) for label, path, _, _ in blocks]
    lists = [scope.texts(block.attributes["paths"]) for block in body.of("dependencies")]
    assert lists == [paths for _, _, paths, _ in blocks]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"${f()}/../vpc"', "unit/../vpc"),
        ('"${f("a}b")}"', "unit"),
        ('f("x", local.plain)', "unit"),
        ("local.two", "plain/plain"),
        ('"$${f()}"', "${f()}"),
        ('"${local.loop}"', None),
        ('"${run_cmd("ls")}"', None),
        ('"%{ if true }a%{ endif }"', None),
        ('true ? "a" : "b"', None),
        ("local.missing", None),
        ("dependency.x.outputs.y", None),
        ('"a" + "b"', None),
        ('f("a"))', None),
    ],
)
def test_what_is_not_plain_is_unknown(expression: str, value: str | None) -> None:
    own = parse('locals {\n  plain = "plain"\n  two = "${local.plain}/${local.plain}"\n  loop = local.loop\n}\n').of(
        "locals"
    )
    scope = Scope({"f": lambda _: "unit"}, own[0].attributes)
    assert scope.text(parse(f"a = {expression}\n").attributes["a"]) == value


@pytest.mark.parametrize(
    "text", ["a", "a {", 'a = "', "}", 'a = "${b"', '"x" = 1', "a b = 1", "{" * 9, "a {\n" * 60 + "}\n" * 60]
)
def test_what_is_no_hcl_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse(text)
    assert not isinstance(caught.value, UnicodeError)


@given(st.text('ab{}[]()"$%.=,\n\\#/*<E ', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse(text)
    except ValueError:
        return  # refused in words; any other error fails
    assert isinstance(read, Block)
