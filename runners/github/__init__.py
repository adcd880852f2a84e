"""GitHub over HTTP: PyGithub for single objects and for changes, aiohttp for what is polled or streamed."""

from runners.github.api.client import PUBLIC_API, GitHub
from runners.github.api.reads import Answer

__all__ = ["PUBLIC_API", "Answer", "GitHub"]
