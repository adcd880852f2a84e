"""Signalbox without Slack: stand-ins, a chat page, and stories that act themselves out."""
