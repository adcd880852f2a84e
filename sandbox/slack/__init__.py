"""A stand-in for Slack: as strict as Slack, with everything that it received open to tests."""

from sandbox.slack.backend import ApiCall
from sandbox.slack.channels import Channel
from sandbox.slack.clock import Clock
from sandbox.slack.errors import ApiError
from sandbox.slack.messages import Message, Notification
from sandbox.slack.people import Person
from sandbox.slack.replies import Reply, ViewReply
from sandbox.slack.server import SlackStandIn
from sandbox.slack.settings import SlackSettings
from sandbox.slack.signing import sign
from sandbox.slack.views import View
from sandbox.slack.workspace import User, Usergroup, Workspace

__all__ = [
    "ApiCall",
    "ApiError",
    "Channel",
    "Clock",
    "Message",
    "Notification",
    "Person",
    "Reply",
    "SlackSettings",
    "SlackStandIn",
    "User",
    "Usergroup",
    "View",
    "ViewReply",
    "Workspace",
    "sign",
]
