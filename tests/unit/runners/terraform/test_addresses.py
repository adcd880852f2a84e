"""Which words are addresses that Terraform may be given."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runners.errors import RunnerError
from runners.terraform.addresses import LONGEST, MOST, arguments, covers, is_replaceable, is_target

INSTANCES = [
    "aws_instance.web",
    "aws_instance.web[0]",
    'aws_instance.web["a"]',
    'aws_instance.web["a.b/c d:é"]',
    'aws_instance.web["say \\"no\\""]',
    'aws_instance.web["$5 {x}"]',
    "module.network.aws_instance.web",
    'module.a[0].module.b["x"].aws_instance.web-1[12]',
    "terraform_data.a-b_c",
]
TARGETS_ONLY = [
    "module.network",
    "module.network[0]",
    'module.a.module.b["x"]',
    "data.aws_ami.web",
    "module.a.data.aws_ami.web[0]",
]
NONE = [
    "",
    "-destroy",
    "--help",
    "aws_instance",
    "aws_instance.",
    ".web",
    "aws_instance.web[",
    "aws_instance.web[0",
    "aws_instance.web[-1]",
    "aws_instance.web[0][1]",
    "aws_instance.web[a]",
    "aws_instance.web['a']",
    'aws_instance.web["a]',
    'aws_instance.web["a"b"]',
    'aws_instance.web["${path.root}"]',
    'aws_instance.web["%{if}"]',
    'aws_instance.web["a\nb"]',
    'aws_instance.web["a\x00"]',
    'aws_instance.web["\\n"]',
    "aws_instance.web\n",
    "aws_instance.web.id",
    "aws_instance.web aws_instance.db",
    "aws_instance.web;id",
    "module.",
    "module",
    "module.a.module",
    "9x.web",
    "data.data.x",
    "-target=aws_instance.web",
    "aws_instance." + "w" * LONGEST,
]


@pytest.mark.parametrize("text", INSTANCES)
def test_a_managed_resource_can_be_planned_alone_and_replaced(text: str) -> None:
    assert is_target(text)
    assert is_replaceable(text)


@pytest.mark.parametrize("text", TARGETS_ONLY)
def test_modules_and_data_can_be_planned_alone_but_not_replaced(text: str) -> None:
    assert is_target(text)
    assert not is_replaceable(text)
    with pytest.raises(RunnerError, match="no address of a resource"):
        arguments((), (text,), "planning")


@pytest.mark.parametrize("text", NONE)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    for targets, replaces in (((text,), ()), ((), (text,))):
        with pytest.raises(RunnerError, match="is no address of a resource") as caught:
            arguments(targets, replaces, "planning")
        assert "aws_instance.web" in caught.value.remedy
        assert len(caught.value.problem) < 150


@given(text=st.text(max_size=40) | st.text(alphabet='.[]"-am_0\\$ ', max_size=20))
def test_no_address_is_ever_taken_for_an_option_or_for_two_lines(text: str) -> None:
    if is_target(text):
        assert text[0].isalpha() or text[0] == "_"
        assert not set(text) & set("\n\r\0")


def test_each_becomes_one_argument() -> None:
    assert arguments(['a.b["x y"]', "module.m"], ["a.c"], "planning") == [
        '-target=a.b["x y"]',
        "-target=module.m",
        "-replace=a.c",
    ]


def test_there_may_be_only_so_many() -> None:
    with pytest.raises(RunnerError, match="more than 20 addresses"):
        arguments(["a.b"] * MOST, ["a.b"], "planning")


@pytest.mark.parametrize(
    ("address", "candidate", "covered"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a.b[0]", True),
        ("a.b", 'a.b["x"]', True),
        ("module.m", "module.m.a.b", True),
        ("module.m", "module.m[0].a.b", True),
        ("a.b", "a.bc", False),
        ("a.b[0]", "a.b[1]", False),
        ("a.b", "module.m.a.b", False),
    ],
)
def test_an_address_covers_what_is_inside_of_it(address: str, candidate: str, covered: bool) -> None:
    assert covers(address, candidate) is covered
