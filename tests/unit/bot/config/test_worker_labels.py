"""Labels of workers: who takes which environment, and what is said where nobody does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, strategies as st

from bot.config import read, worker_labels
from bot.config.targets import SHARED
from bot.errors import ConfigError
from bot.settings import read_labels

if TYPE_CHECKING:
    from bot.config import Config

LABELS = st.frozensets(st.sampled_from(["prod", "eu", "us", "gpu"]))
FILE = """
slack: {channel: "#ops"}
github: {repository: o/r}
aws: {region: us-west-2}
access: {operators: [U0ANA], approvers: [U0LEE]}
environments:
  staging:
    channel: "#staging"
    deploy: {github_actions: {workflow: d.yml}}
    worker_labels: [prod, eu]
"""


def configured(needed: dict[str, frozenset[str]]) -> Config:
    environments = {
        name: SimpleNamespace(worker_labels=tuple(labels), terraform=None) for name, labels in needed.items()
    }
    return cast("Config", SimpleNamespace(environments=environments, builds={}))


@given(st.dictionaries(st.sampled_from("abcde"), LABELS), st.lists(LABELS))
def test_an_environment_is_unserved_if_each_worker_withholds_it(
    needed: dict[str, frozenset[str]], workers: list[frozenset[str]]
) -> None:
    config = configured(needed)
    unserved = worker_labels.unserved(config, workers)
    taken = [set(needed) - set(worker_labels.withheld(config, labels)) for labels in workers]
    assert set(unserved) - set(SHARED) == set(needed) - set().union(*taken)
    assert (set(SHARED) <= set(unserved)) == (not workers), "a shared target needs a worker, and no label"
    for name, labels in unserved.items():
        assert set(labels) == needed.get(name, frozenset())
        assert all(label in worker_labels.missing(labels) for label in labels)


def test_what_is_missing_is_said_with_what_to_start() -> None:
    words = worker_labels.missing(("prod",))
    assert words == "no running worker has the label prod; start one with SIGNALBOX_LABELS=prod"
    words = worker_labels.missing(("eu", "prod"))
    assert words == "no running worker has the labels eu, prod; start one with SIGNALBOX_LABELS=eu,prod"
    assert worker_labels.missing(()).startswith("no running worker takes operations; start one")


@given(st.lists(st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,31}\Z"), max_size=20), st.sampled_from([",", ", ", " , ", ",,"]))
def test_labels_are_separated_by_commas(labels: list[str], separator: str) -> None:
    assert read_labels(separator.join(labels)) == tuple(sorted(set(labels)))


@pytest.mark.parametrize("text", ["Prod", "a b", "prod;eu", "-x", "a" * 33, "ä", ",".join(f"l{n}" for n in range(21))])
def test_what_is_no_label_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a label; use up to 32|has 21 labels"):
        read_labels(text)


def test_the_labels_of_an_environment_are_configured() -> None:
    assert read(FILE, "signalbox.yaml").environments["staging"].worker_labels == ("prod", "eu")
    with pytest.raises(ConfigError, match="worker_labels"):
        read(FILE.replace("[prod, eu]", "[Prod]"), "signalbox.yaml")


def test_environments_that_share_a_state_and_so_a_queue_share_their_labels() -> None:
    other = FILE.replace("environments:\n  staging:", "environments:\n  first:").partition("environments:\n")[2]
    other = other.replace("[prod, eu]", "[gpu]")
    shared = f"{FILE}    terraform: {{directory: d}}\n{other}    terraform: {{directory: d}}\n"
    config = read(shared, "signalbox.yaml")
    assert worker_labels.withheld(config, ("prod", "eu")) == ("staging", "first")
    assert worker_labels.withheld(config, ("prod", "eu", "gpu")) == ()
    assert set(worker_labels.unserved(config, [("prod", "eu"), ("gpu",)])) == {"staging", "first"}
