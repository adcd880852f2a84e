"""GitHub's API: PyGithub for single objects and changes, aiohttp for polling and streams."""

from runners.github.api.client import PUBLIC_API, GitHub
from runners.github.api.reads import Answer

__all__ = ["PUBLIC_API", "Answer", "GitHub"]
