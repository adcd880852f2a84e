"""The Slack side of Signalbox and the running of the service."""
