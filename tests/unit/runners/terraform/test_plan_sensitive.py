"""Sensitive values of a plan: masked wherever they appear, and still compared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from runners.results import Diagnostic
from runners.terraform.masking import masker
from runners.terraform.summary import read_plan, sensitive_values
from tests.unit.runners.terraform.plan_documents import only_change, read, resource, rows

SECRET = "correct-horse-battery"


@pytest.mark.parametrize(
    ("value", "marks"),
    [
        ({"p": SECRET}, True),
        ({"p": SECRET}, {"p": True}),
        ({"p": {"q": [1, {"r": SECRET}]}}, {"p": {"q": [False, {"r": True}]}}),
        ({"p": [SECRET]}, {"p": True}),
        ({"p": {"deep": {"er": SECRET}}}, {"p": True}),
    ],
)
def test_what_is_marked_is_masked_however_deep(value: Any, marks: Any) -> None:
    for marked in (
        resource(["create"], None, value, after_sensitive=marks),
        resource(["delete"], value, None, before_sensitive=marks),
        resource(["update"], {"p": "other-secret"}, value, before_sensitive={"p": True}, after_sensitive=marks),
    ):
        document = {"format_version": "1.2", "resource_changes": [marked]}
        assert SECRET in sensitive_values(document)
        summary = read_plan(document, digest="d", program="p")
        assert SECRET not in repr(summary)
        assert "(sensitive)" in repr(summary)


def test_a_changed_secret_shows_as_changed() -> None:
    marks = {"before_sensitive": {"p": True}, "after_sensitive": {"p": True}}
    assert rows(only_change(resource(["update"], {"p": "old-one"}, {"p": "new-one"}, **marks))) == [
        ("p", "(sensitive)", "(sensitive)")
    ]
    same = resource(["update"], {"p": "old-one", "q": 1}, {"p": "old-one", "q": 2}, **marks)
    assert rows(only_change(same)) == [("q", "1", "2")]


def test_a_secret_not_known_yet_stays_a_secret() -> None:
    change = only_change(resource(["create"], None, {}, after_unknown={"p": True}, after_sensitive={"p": True}))
    assert rows(change) == [("p", None, "(sensitive)")]


def test_a_secret_is_masked_wherever_it_was_copied_to() -> None:
    marked = resource(["create"], None, {"p": SECRET}, after_sensitive={"p": True})
    copy = resource(
        ["update"],
        {"url": "x", "json": "{}", SECRET: 1},
        {"url": f"pg://a:{SECRET}@db", "json": f'{{"p": "{SECRET}"}}', "list": [SECRET], SECRET: 2},
        action_reason=f"because_{SECRET}",
        importing={"id": SECRET},
    )
    outputs = {"o": {"actions": ["create"], "before": None, "after": {"k": SECRET}}}
    drift = [resource(["update"], {"a": "x"}, {"a": SECRET})]
    warning = Diagnostic("warning", f"about {SECRET}", SECRET, snippet=SECRET)
    document = {
        "format_version": "1.2",
        "resource_changes": [marked, copy],
        "output_changes": outputs,
        "resource_drift": drift,
    }
    summary = read_plan(document, digest="d", program="p", warnings=[warning])
    assert SECRET not in repr(summary)
    assert repr(summary).count("(sensitive)") >= 9


def test_a_secret_with_quotes_is_masked_inside_json_text_too() -> None:
    secret = 'pass"word\nwith ü'
    marked = resource(["create"], None, {"p": secret}, after_sensitive={"p": True})
    copy = resource(["create"], None, {"j": '{"p": "pass\\"word\\nwith ü"}'}, address="aws_instance.copy")
    assert "word" not in repr(read(marked, copy))


def test_a_change_of_nothing_but_a_secret_inside_a_text_is_shown() -> None:
    marks = {"before_sensitive": {"p": True}, "after_sensitive": {"p": True}}
    marked = resource(["update"], {"p": "old-secret"}, {"p": SECRET}, address="aws_instance.a", **marks)
    before, after = (
        {"u": "x:old-secret@", "j": '{"p": "old-secret"}'},
        {"u": f"x:{SECRET}@", "j": f'{{"p": "{SECRET}"}}'},
    )
    copy = read(marked, resource(["update"], before, after, address="aws_instance.b")).changes[1]
    assert rows(copy) == [
        ("u", "x:(sensitive)@", "x:(sensitive)@"),
        ("j", '{"p": "(sensitive)"}', '{"p": "(sensitive)"}'),
    ]


def test_numbers_can_be_secrets_and_short_values_are_masked_only_where_they_stand() -> None:
    marked = resource(
        ["create"],
        None,
        {"pin": 9876, "flag": True, "db": "pg"},
        after_sensitive={"pin": True, "flag": True, "db": True},
    )
    copy = resource(["create"], None, {"a": 9876, "b": "is 9876", "c": 98765, "d": "pg"}, address="aws_instance.copy")
    changes = {change.address: {row[0]: row[2] for row in rows(change)} for change in read(marked, copy).changes}
    assert changes["aws_instance.web"] == dict.fromkeys(["pin", "flag", "db"], "(sensitive)")
    assert changes["aws_instance.copy"] == {"a": "(sensitive)", "b": "is (sensitive)", "c": "98765", "d": "pg"}
    assert sensitive_values({"resource_changes": [marked]}) == {"9876"}


@pytest.mark.parametrize(
    "document",
    [
        {"planned_values": {"outputs": {"o": {"sensitive": True, "value": {"deep": [SECRET]}}}}},
        {"prior_state": {"values": {"outputs": {"o": {"sensitive": True, "value": SECRET}}}}},
        {"output_changes": {"o": {"actions": ["delete"], "before": SECRET, "before_sensitive": True}}},
        {
            "prior_state": {
                "values": {
                    "root_module": {
                        "child_modules": [
                            {
                                "child_modules": [
                                    {"resources": [{"values": {"p": SECRET}, "sensitive_values": {"p": True}}]}
                                ]
                            }
                        ]
                    }
                }
            }
        },
        {
            "variables": {"v": {"value": SECRET}},
            "configuration": {"root_module": {"variables": {"v": {"sensitive": True}}}},
        },
        {"configuration": {"root_module": {"variables": {"v": {"sensitive": True, "default": [SECRET]}}}}},
        {
            "configuration": {
                "root_module": {
                    "module_calls": {
                        "m": {
                            "expressions": {"v": {"constant_value": SECRET}, "block": [{}]},
                            "module": {"variables": {"v": {"sensitive": True}}},
                        }
                    }
                }
            }
        },
        {"resource_drift": [resource(["update"], {}, {"p": SECRET}, after_sensitive={"p": True})]},
        {
            "deferred_changes": [
                {"reason": "x", "resource_change": resource(["create"], None, {"p": SECRET}, after_sensitive=True)}
            ]
        },
    ],
    ids=range(9),
)
def test_secrets_are_found_wherever_a_plan_marks_them(document: dict[str, Any]) -> None:
    assert sensitive_values(document) == {SECRET}


@pytest.mark.parametrize("word", ["primary", "terraform_data", "web", "context", "user", "staging"])
def test_a_sensitive_word_changes_no_address_and_no_other_word(word: str) -> None:
    marked = resource(["create"], None, {"p": word}, address=f"terraform_data.{word}_db", after_sensitive={"p": True})
    other = resource(["create"], None, {"user": f"the {word} of {word}_a"}, address=f"terraform_data.{word}")
    first, second = read(other, marked).changes
    assert (first.address, second.address) == (f"terraform_data.{word}", f"terraform_data.{word}_db")
    assert rows(second) == [("p", None, "(sensitive)")]
    assert rows(first) == [("user", None, f"the {word} of {word}_a")]


def test_an_image_is_known_though_its_id_is_sensitive() -> None:
    before, after = {"image": "ami-11111111", "x": 1}, {"image": "ami-22222222", "x": 2}
    marks = {"before_sensitive": {"image": True}, "after_sensitive": {"image": True}}
    (change,) = read(resource(["update"], before, after, **marks)).changes
    assert change.image == ("ami-11111111", "ami-22222222")
    assert ("image", "(sensitive)", "(sensitive)") in rows(change)


def test_thousands_of_secrets_are_masked_as_a_few_are() -> None:
    secrets = [f"secret-{number:05}" for number in range(3000)] + ["12345678", "secret-00001-and-more"]
    mask = masker(secrets)
    assert mask("a secret-00001-and-more b secret-02999! 12345678 x912345678") == (
        "a (sensitive) b (sensitive)! (sensitive) x912345678"
    )


@given(
    secrets=st.lists(st.text(alphabet='ab1"', min_size=1, max_size=7), max_size=8),
    text=st.text(alphabet='ab1"x', max_size=40),
)
def test_many_and_few_secrets_are_masked_alike(secrets: list[str], text: str) -> None:
    many = [f"never{number:04}" for number in range(40)]
    assert masker([*secrets, *many])(text) == masker(secrets)(text)
