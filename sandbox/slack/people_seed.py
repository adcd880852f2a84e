"""Who and what the workspace starts with; these ids stay put."""

from __future__ import annotations

TEAM_ID = "T0SANDBOX"
TEAM_NAME = "Lineside"
TEAM_DOMAIN = "lineside"
APP_ID = "A0SIGNAL"
BOT_ID = "B0SIGNAL"
BOT_USER_ID = "U0SIGNAL"
BOT_NAME = "Signalbox"

# id, handle, real name, title, guest
PEOPLE = (
    ("U0ANA", "ana", "Ana Duarte", "Operator", False),
    ("U0LEE", "lee", "Lee Park", "Infrastructure lead", False),
    ("U0MAX", "max", "Max Weber", "Infrastructure lead", False),
    ("U0GUS", "gus", "Gus Hale", "Guest", True),
)

# id, handle, name, members
USERGROUPS = (
    ("S0INFRA", "infra", "Infrastructure", ("U0ANA", "U0LEE", "U0MAX")),
    ("S0LEADS", "leads", "Infrastructure leads", ("U0LEE", "U0MAX")),
)

# id, name, topic, purpose, whether the bot is a member
CHANNELS = (
    ("C0OPS", "ops", "Alerts and whatever has no channel of its own", "Running the infrastructure", True),
    ("C0DEV", "dev", "The dev environment", "Deploys and plans of dev", True),
    ("C0STAGING", "staging", "The staging environment", "Deploys and plans of staging", True),
    ("C0PROD", "prod", "The prod environment: two people approve", "Deploys and plans of prod", True),
    ("C0RANDOM", "random", "Anything else", "Not about work", False),
)
