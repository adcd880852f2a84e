"""Labels of workers: an environment's operations run only on a worker that has all of its `worker_labels`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.config.targets import queues_of, shared_targets, without_lane
from bot.settings import LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bot.config.models.config import Config


def withheld(config: Config, labels: Collection[str]) -> tuple[str, ...]:
    """The environments whose operations a worker with these labels does not take."""
    return tuple(name for name, all_of in needed(config).items() if not all_of <= set(labels))


def unserved(config: Config, workers: Collection[Collection[str]]) -> Mapping[str, tuple[str, ...]]:
    """The environments that none of these workers (given by their labels) takes, each with the labels that it needs.

    Without workers that is all of them, and the shared targets.
    """
    return {
        name: tuple(sorted(all_of))
        for name, all_of in needed(config).items()
        if not any(all_of <= set(labels) for labels in workers)
    }


def environment_of(queue: str) -> str:
    """The environment, or shared target, of a queue: its name without the lane."""
    return without_lane(queue)


def missing(labels: Collection[str]) -> str:
    """In words: "no running worker has the label prod; start one with SIGNALBOX_LABELS=prod"."""
    if not labels:
        return "no running worker takes operations; start one with `python -m bot work`"
    named = f"the label {next(iter(labels))}" if len(labels) == 1 else f"the labels {', '.join(labels)}"
    return f"no running worker has {named}; start one with {LABELS}={','.join(labels)}"


def needed(config: Config) -> Mapping[str, set[str]]:
    """The labels that each environment's queue needs, by the environment; none for the shared targets."""
    # Environments that share a queue share its labels too: the engine takes what is first there, of either.
    own = {name: set(environment.worker_labels) for name, environment in config.environments.items()}
    by_queue = {name: set[str]().union(*(own[each] for each in queue)) for queue in queues_of(config) for name in queue}
    return by_queue | {name: set() for name in shared_targets(config)}
