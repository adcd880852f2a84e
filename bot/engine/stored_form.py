"""The stored form of bot/engine/serializer.py as DBOS takes it, and the end of DBOS's own forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from dbos import Serializer, _serialization as dbos_serialization

from bot.engine import serializer
from bot.engine.versions import SERIALIZER

if TYPE_CHECKING:
    from bot.seals import Keyring


class StoredForm(Serializer):
    """Gives DBOS the sealed stored form of bot/engine/serializer.py. DBOS stores the name beside each value."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def name(self) -> str:
        """What DBOS stores beside each value."""
        return SERIALIZER

    def serialize(self, data: Any) -> str:
        """Raises NotStorableError."""
        return serializer.pack_sealed(self._keyring, data)

    def deserialize(self, serialized_data: str) -> Any:
        """Raises UnreadableError."""
        return serializer.unpack_sealed(self._keyring, serialized_data)


def seal_other_forms(keyring: Keyring) -> None:
    """Keep DBOS from the other forms that a row selects by its name.

    Reading "py_pickle" runs what it reads, so it is refused. "portable_json", in which DBOS stores times, gets a seal as
    well. There is no setting for either. DBOS writes the error that reading a row raised in the form of that row.
    """

    def refuse(*_: object) -> NoReturn:
        raise serializer.UnreadableError("a stored value is a pickle, which Signalbox neither writes nor reads")

    default: Any = dbos_serialization.DefaultSerializer
    portable: Any = dbos_serialization.DBOSPortableJSONSerializer
    for form in (default, portable):
        form.serialize = lambda _, data: serializer.pack_sealed(keyring, data)
    default.deserialize = refuse
    portable.deserialize = lambda _, text: serializer.unpack_sealed(keyring, text)
