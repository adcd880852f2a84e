"""A stand-in for GitHub on loopback, with answers in GitHub's shapes."""

from sandbox.exchanges import DropConnectionError, Exchange, Request
from sandbox.github.commits import Author, Commit
from sandbox.github.credentials import AppIdentity, Grant
from sandbox.github.refusals import ConflictError, RefusedError
from sandbox.github.repository import Repository
from sandbox.github.seed import Seed, sandbox_repositories
from sandbox.github.stand_in import BOT_LOGIN, GitHubStandIn
from sandbox.github.web import GitHubError
from sandbox.github.webhooks import WebhookSettings

__all__ = [
    "BOT_LOGIN",
    "AppIdentity",
    "Author",
    "Commit",
    "ConflictError",
    "DropConnectionError",
    "Exchange",
    "GitHubError",
    "GitHubStandIn",
    "Grant",
    "RefusedError",
    "Repository",
    "Request",
    "Seed",
    "WebhookSettings",
    "sandbox_repositories",
]
