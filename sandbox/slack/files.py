"""Files: uploads under way, and the files that came of them."""

from __future__ import annotations

import itertools
import mimetypes
import secrets
from dataclasses import dataclass, field

from sandbox.slack.errors import ApiError

PREVIEW_LINES = 5
PREVIEW_CHARACTERS = 1_000


@dataclass(eq=False, slots=True)
class File:
    """A file of the workspace. `size` in bytes; `content` is None until the bytes have arrived."""

    id: str
    name: str
    size: int
    token: str
    title: str = ""
    content: bytes | None = None
    shared: bool = False
    channels: list[str] = field(default_factory=list)

    @property
    def mimetype(self) -> str:
        """By the file's name, as Slack guesses it."""
        return mimetypes.guess_type(self.name)[0] or ("text/plain" if self.text is not None else "binary/octet-stream")

    @property
    def text(self) -> str | None:
        """The content where it is UTF-8 text without NUL bytes."""
        if self.content is None or b"\0" in self.content:
            return None
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            return None

    @property
    def preview(self) -> str | None:
        """The first lines of a text file, as Slack shows under the message."""
        text = self.text
        return None if text is None else "\n".join(text[:PREVIEW_CHARACTERS].splitlines()[:PREVIEW_LINES])


class Files:
    """All files of a workspace, by id."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        self._numbers = itertools.count(1)

    def expect(self, name: str, size: int) -> File:
        """Begin an upload: the file's id and the secret part of its upload URL."""
        file = File(f"F0FILE{next(self._numbers):04}", name, size, secrets.token_urlsafe(16))
        self._files[file.id] = file
        return file

    def receive(self, file_id: str, token: str, content: bytes) -> bool:
        """Take the bytes posted to the upload URL; false when the URL or the length is wrong."""
        file = self._files.get(file_id)
        if file is None or file.token != token or file.content is not None or len(content) != file.size:
            return False
        file.content = content
        return True

    def uploaded(self, file_id: str) -> File:
        """A file whose bytes are there and which was not shared yet.

        Raises:
            ApiError: file_not_found.
        """
        file = self._files.get(file_id)
        if file is None or file.content is None or file.shared:
            raise ApiError("file_not_found")
        return file

    def get(self, file_id: str) -> File | None:
        """The file with this id, once it is shared."""
        file = self._files.get(file_id)
        return file if file is not None and file.shared else None
