"""What a bot sends to a keeper through its stdin, and what the keeper answers: JSON, never an argument or a variable."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from bot.seals import Keyring

RENEWALS = 6  # of a lease in its time
SOFT, HARD = 0.5, 0.9  # parts of the lease after which a child is interrupted and killed when no renewal succeeds


class DerivedKeys(Keyring):
    """Keys of a few purposes, without the key that they are derived from."""

    def __init__(self, keys: dict[str, str]) -> None:
        self._keys_by_purpose = {purpose: bytes.fromhex(key) for purpose, key in keys.items()}

    def key(self, purpose: str) -> bytes:
        """The key of this purpose. Raises KeyError for another one."""
        return self._keys_by_purpose[purpose]

    def keys(self, purpose: str) -> tuple[bytes, ...]:
        """The same, alone."""
        return (self.key(purpose),)


@dataclass(frozen=True, slots=True)
class Spec:
    """A child to keep. `lease` and `grace` are in seconds.

    `conninfo` is libpq's, `variables` are those that libpq reads, `keys` are hexadecimal by purpose. `leaves` is the path of
    a file to store at the end; `mark` finds what the program left running (runners/processes/stragglers.py). `trace` is the
    path of bot/children/traces.py. These three may be empty. A keeper that `rescues` starts nothing: another one has.
    """

    operation: int
    name: str
    keeper: str
    machine: str
    host: str
    executor: str
    lease: float
    grace: float
    directory: str
    command: list[str] = field(repr=False)
    walled: bool
    cwd: str
    env: dict[str, str] = field(repr=False)
    leaves: str
    mark: str
    conninfo: str = field(repr=False)
    variables: dict[str, str] = field(repr=False)
    keys: dict[str, str] = field(repr=False)
    trace: str = ""
    rescues: bool = False

    def to_json(self) -> str:
        """The text that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """The spec in this text."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the program was started; `problem` says why not."""

    started: bool = False
    problem: str = ""

    def to_json(self) -> str:
        """The text that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Answer:
        """The answer in this text. Raises ValueError for another text."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from error
