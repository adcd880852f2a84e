"""Inputs in the text of a command: read as a shell would read such words, and written so that they are read again."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, strategies as st

from bot.access import arguments, inputs
from bot.config.models.inputs import CommandInput
from bot.errors import UserError
from runners.git_refs import is_ref

USAGE = "/deploy <environment>"
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True)
PRINTABLE = st.text(max_size=30).filter(str.isprintable)
QUOTES = set('"“”„')
VALUES = PRINTABLE.filter(lambda value: not QUOTES & set(value))
WORDS = st.text(min_size=1, max_size=12).filter(lambda word: word.isprintable() and "=" not in word and " " not in word)


@given(st.dictionaries(NAMES, VALUES, max_size=5), st.lists(WORDS, max_size=3), st.randoms())
def test_what_is_typed_is_read_again_in_any_order(values: dict[str, str], words: list[str], random: object) -> None:
    mixed = [*inputs.typed(values), *words]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    typed = inputs.take(f" {'  '.join(mixed)} ", USAGE)
    assert typed.values == values
    assert typed.rest.split() == [word for word in mixed if word in words]


@pytest.mark.parametrize("between", ["\n", "\r", "\t", "\u2028", "\u200b"])
def test_what_is_between_other_words_stays_for_who_reads_them(between: str) -> None:
    text = f"main{between}staging version=1 x"
    assert inputs.take(text, USAGE) == (f"main{between}staging  x", {"version": "1"})


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4, unique_by=lambda pair: pair[0]))
def test_it_agrees_with_a_shell(pairs: list[tuple[str, str]]) -> None:
    """Values without the characters that only a shell knows; shlex is the reference."""
    pairs = [(name, "".join(letter for letter in value if letter not in "\\'")) for name, value in pairs]
    text = " ".join(inputs.typed(dict(pairs)))
    reference = dict(word.partition("=")[::2] for word in shlex.split(text))
    assert inputs.take(text, USAGE).values == reference == dict(pairs)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        typed = inputs.take(text, USAGE)
    except UserError:
        return
    again = inputs.take(" ".join([*inputs.typed(typed.values), typed.rest]), USAGE)
    assert again.values == typed.values
    assert all(value.isprintable() for value in typed.values.values())


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.dictionaries(st.sampled_from(["ref", "machines"]), VALUES))
def test_an_operation_stores_them_beside_its_other_arguments(values: dict[str, str], other: dict[str, str]) -> None:
    assert inputs.given({**other, **inputs.stored(values)}) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("prod version=1.2", {"version": "1.2"}),
        ("version=a=b==c", {"version": "a=b==c"}),
        ('reason="two words" x=1', {"reason": "two words", "x": "1"}),
        ("reason=“two words”", {"reason": "two words"}),
        ('empty=""', {"empty": ""}),
        ("dry-run=true", {"dry-run": "true"}),
        ("größe=1", {}),
        ("grund=größer…", {"grund": "größer…"}),
        ("1=2", {}),
        ('"a=b"', {}),
        ("x=$(id);`id`&&rm", {"x": "$(id);`id`&&rm"}),
        ('x=a"b', {"x": 'a"b'}),
    ],
)
def test_what_is_an_input(text: str, values: dict[str, str]) -> None:
    assert inputs.take(text, USAGE).values == values


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x=1 x=2", "x is given twice. Usage"),
        ("x=", 'x has no value; type x="" for an empty one'),
        ('x="a b', "x has a quote that is not closed"),
        ('x="a"b', "x has a quote that is not closed"),
        (f"x={'a' * 1_001}", "x is 1,001 characters long; an input takes 1,000 at most"),
        ("x=a\u202eb", "x has a line break or an invisible character"),
        ("a" * 3_001, "That is 3,001 characters long"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem.replace("(", r"\(")):
        inputs.take(text, USAGE)


def test_a_branch_that_looks_like_an_input_is_typed_in_quotes() -> None:
    assert is_ref("version=1")
    assert arguments.typed_ref("version=1") == '"version=1"'
    assert inputs.take(arguments.typed_ref("version=1"), USAGE).values == {}
    assert inputs.take("ref=version=1 x=1", USAGE, other=("ref",)) == ("ref=version=1", {"x": "1"})


ALLOWED = {
    "version": CommandInput(pattern=r"\d+\.\d+"),
    "size": CommandInput(choices=("small", "large")),
    "reason": CommandInput(),
}


@pytest.mark.parametrize("values", [{}, {"version": "1.2"}, {"size": "large", "reason": ""}, {"reason": "x" * 1_000}])
def test_what_is_allowed(values: dict[str, str]) -> None:
    inputs.check_allowed(values, ALLOWED, "Deploys to prod", "key")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"versoin": "1"}, "Deploys to prod take no input “versoin”; did you mean “version”? Nothing was started."),
        ({"zzz": "1"}, "Deploys to prod take no input “zzz”, only version, size, reason."),
        ({"zzz": "1"}, "If “zzz=1” is a branch, put it in quotes."),
        ({"size": "larg"}, "size cannot be “larg”; did you mean “large”?"),
        ({"size": "xy"}, "size cannot be “xy”; it is one of small, large."),
        ({"version": "1.2\n"}, "version: "),
        ({"version": "v1.2"}, r"“v1.2” does not have the form “\d+\.\d+”"),
        ({"version": "1.2; id"}, "does not have the form"),
    ],
)
def test_what_is_not_allowed(values: dict[str, str], problem: str) -> None:
    with pytest.raises(UserError) as refused:
        inputs.check_allowed(values, ALLOWED, "Deploys to prod", "key")
    assert problem in str(refused.value)
    with pytest.raises(UserError, match=r"take no inputs: key in signalbox\.yaml lists none"):
        inputs.check_allowed(values, {}, "Deploys to prod", "key")


def test_a_title_has_the_inputs_and_an_end() -> None:
    assert inputs.titled("Deploy main to prod", {}) == "Deploy main to prod"
    assert inputs.titled("Deploy main to prod", {"version": "1.2", "why": "a b"}) == (
        'Deploy main to prod with version=1.2, why="a b"'
    )
    assert len(inputs.titled("Deploy", {"x": "y" * 900})) < 100
