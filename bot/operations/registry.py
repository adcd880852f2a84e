"""What a handler file registers: commands, buttons, modals, shortcuts, kinds of operations, periodic tasks, run listeners."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
    from datetime import timedelta

    from bot.config import Config, Environment
    from bot.config.models.access import Right
    from bot.operations.operation import Operation
    from bot.operations.pages import Page
    from bot.operations.thread_replies import ThreadListener
    from bot.services import Services
    from bot.slack.answer_thread import Thread
    from bot.slack.blocks.kit import Block, Message
    from bot.store.approvals import Approval
    from bot.store.operations import Request
    from bot.store.run_slots import Precedence
    from runners.results import WorkflowRun


@dataclass(frozen=True, slots=True)
class Invocation:
    """A command as typed. `key` is new for each command, and the same when Slack delivers one again.

    One that was written in a message has a `thread`, no trigger and no response URL.
    """

    user: str
    channel: str
    text: str
    trigger_id: str
    response_url: str
    key: str
    registry: Registry
    thread: Thread | None = None


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a button: the person, the message, the button's opaque value; `at_home` on the person's Home tab."""

    user: str
    channel: str
    message_ts: str
    action_id: str
    value: str
    trigger_id: str
    response_url: str
    registry: Registry = field(default_factory=lambda: Registry())  # noqa: PLW0108  -- the class is defined below
    at_home: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted modal. `values` are the inputs' values by block id; an empty input is ""."""

    user: str
    callback_id: str
    private_metadata: str
    values: Mapping[str, str]
    key: str
    registry: Registry = field(default_factory=lambda: Registry())  # noqa: PLW0108  -- the class is defined below


@dataclass(frozen=True, slots=True)
class ShortcutUse:
    """A shortcut that somebody chose: in the menu of a message, or without `channel` and `message_ts` anywhere in Slack."""

    user: str
    trigger_id: str
    channel: str = ""
    message_ts: str = ""
    response_url: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command. `handle` returns a reply for the person alone, or None if a message in the channel is the answer.

    `usage` begins with the name; `hint` is what Slack shows while typing. The help has it under its `task`, for who has the `right`.
    """

    name: str
    usage: str
    hint: str
    summary: str
    handle: Callable[[Services, Invocation], Coroutine[Any, Any, Message | None]]
    right: Right = "run"
    task: str = "Change something"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of /infra: "image" with `hint` "<ami id>". `handle` gets the words after it, at most `most`.

    It is for people who may see the `target` of this name; without one, any. It returns a reply for the person alone, or None
    if it has answered in another way. With `free_text` the words after it may be any, such as a reason.
    """

    name: str
    hint: str
    summary: str
    handle: Callable[[Services, Invocation, Sequence[str]], Coroutine[Any, Any, Message | None]]
    most: int = 1
    free_text: bool = False
    target: str = ""
    task: str = "See what is going on"

    @property
    def usage(self) -> str:
        """How to type it."""
        return f"/infra {self.name} {self.hint}".rstrip()


@dataclass(frozen=True, slots=True)
class Button:
    """What a click on the button with this action id does; a `repeatable` one does nothing more the second time.

    A returned message is for the person alone.
    """

    action_id: str
    handle: Callable[[Services, Click], Coroutine[Any, Any, Message | None]]
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class NextPage:
    """A view that replaces the submitted modal."""

    view: Block


@dataclass(frozen=True, slots=True)
class Modal:
    """What a modal with this callback id does when submitted.

    Returns errors by block id, empty after a success, or the next page.
    """

    callback_id: str
    handle: Callable[[Services, Submission], Coroutine[Any, Any, Mapping[str, str] | NextPage]]


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What choosing the shortcut with this callback id does: it opens a modal, in which also a refusal is displayed."""

    callback_id: str
    handle: Callable[[Services, ShortcutUse], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class HomeTab:
    """Sets a person's Home tab."""

    publish: Callable[[Services, str], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of operation and its durable workflow.

    `success` is the outcome that the audit log records when it succeeds. With `supersedes` a newer operation, once it is the
    next, replaces an older one of the same environment that waits for approval. A `silent` operation has no message until it has something
    to report. `confirmation` (mrkdwn) is what an approver reads where an approval has to be typed. `begins_in_room` gives,
    for an operation's environment, how urgent the room is that it waits for as soon as it is taken; None where it needs none.
    `once` are the names of arguments that count for one operation only, and not for the same that is requested again.
    `about` looks up, before a typed request has its number, what it is about: its arguments with the commit in place of a ref.
    It raises UserError for a request that cannot begin, and RunnerError where that is unknown for now.
    """

    name: str
    workflow: Callable[[Operation], Coroutine[Any, Any, None]]
    success: str = "succeeded"
    supersedes: bool = False
    silent: bool = False
    confirmation: str = ""
    begins_in_room: Callable[[Environment], Precedence | None] = lambda _: None
    once: tuple[str, ...] = ()
    about: Callable[[Services, Request], Coroutine[Any, Any, dict[str, str]]] | None = None


@dataclass(frozen=True, slots=True)
class DueRun:
    """A run of a periodic task: the name of its target, and when it was due (Unix seconds; 0 for the very first run).

    Several processes that make the same run have the same values.
    """

    target: str
    due_at: float


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """What the bot does at an interval without a person (bot/operations/periodic.py).

    `intervals` gives the interval for each target, by name. `run` may return after how long it is to run again, if that
    is sooner than the interval. A run may be made twice, with the same values: a request that it begins needs a key
    made of them. `at_stop` is called when the process stops politely, if the task has a target. The targets of a `spread`
    task have their turns at times of their own, all over the interval.
    """

    name: str
    intervals: Callable[[Config], Mapping[str, timedelta]]
    run: Callable[[Services, DueRun], Coroutine[Any, Any, timedelta | None]]
    at_stop: Callable[[Services], Coroutine[Any, Any, None]] | None = None
    spread: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowOf:
    """A workflow: its repository (owner/name) and the name of its file."""

    repository: str
    file: str

    @property
    def key(self) -> tuple[str, str]:
        """What is the same for the same workflow: GitHub does not distinguish capitals in a repository's name."""
        return self.repository.casefold(), self.file


@dataclass(frozen=True, slots=True)
class RunListener:
    """Runs of workflows that were not started by Signalbox: by a schedule, by hand on GitHub, by a push, by another bot.

    `workflows` gives the workflows whose runs are to be followed. `handle` is called for each run,
    sometimes twice for the same run: the key of a request that it begins must contain the run (`run-<id>`). The run's
    `jobs` are not read yet.
    """

    workflows: Callable[[Config], Collection[WorkflowOf]]
    handle: Callable[[Services, WorkflowRun], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A button that begins an operation: its action, the prefix of the request's key, and the words that name the link.

    The key is the prefix and the older operation's number. Where a message has several such buttons, the button's value
    and the key end with `part`.
    """

    action: str
    prefix: str
    words: str

    def key(self, number: int, part: str = "") -> str:
        """The key of the request that this button on the message of operation `number` begins, once for any number of clicks."""
        return f"{self.prefix}{number}-{part}" if part else f"{self.prefix}{number}"


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an approval does not count yet: `message` answers the click, `fault` is shown in the modal for a typed approval."""

    message: Message
    fault: str


@dataclass(frozen=True, slots=True)
class Approver:
    """Who approves. `annotations`: the operation's newest one when they opened the modal; None for a click on the message."""

    user: str
    annotations: int | None = None


@dataclass(frozen=True, slots=True)
class ApprovalCheck:
    """What is checked before an approval counts; None where nothing speaks against it."""

    check: Callable[[Services, Approval, Approver], Coroutine[Any, Any, Objection | None]]


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that the handler files register, by section."""

    commands: tuple[Command, ...] = ()
    topics: tuple[Topic, ...] = ()
    buttons: tuple[Button, ...] = ()
    modals: tuple[Modal, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    homes: tuple[HomeTab, ...] = ()
    kinds: tuple[Kind, ...] = ()
    periodic_tasks: tuple[PeriodicTask, ...] = ()
    run_listeners: tuple[RunListener, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    approval_checks: tuple[ApprovalCheck, ...] = ()
    thread_listeners: tuple[ThreadListener, ...] = ()
    pages: tuple[Page, ...] = ()
