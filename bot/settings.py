"""The settings of the process environment: tokens, addresses, the database. Only __main__ reads them, once."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from bot.errors import ConfigError, Fault
from bot.seals import NEW_KEY, Keyring, split_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

KEY = "SIGNALBOX_KEY"
ALERTS = "ALERT_WEBHOOK_URL"  # a secret: who has it can post there
OWN_SECRETS = (
    KEY,
    "SLACK_BOT_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_APP_TOKEN",
    "GITHUB_TOKEN",
    "GITHUB_APP_PRIVATE_KEY",
    "GITHUB_WEBHOOK_SECRET",
    "TFE_TOKEN",
    "HCP_NOTIFICATION_TOKEN",
    "DATABASE_URL",
    ALERTS,
)
AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
# What a file may have in place of the variable: see bot/process/secret_files.py.
FROM_FILES = (*OWN_SECRETS, "AWS_ACCESS_KEY_ID", *AWS_SECRETS)
DEFAULT_PORT = 3000
LOOPBACK = "127.0.0.1"
DEFAULT_PROXIES = "127.0.0.0/8, ::1"  # a proxy on the same machine
LABELS = "SIGNALBOX_LABELS"
MOST_LABELS = 20
TEXT, JSON = "text", "json"  # values of LOG_FORMAT
# opentelemetry.io/docs/specs/otel/protocol/exporter: the second is the base of all signals'.
TRACES, TELEMETRY = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
_LABEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")  # as Name of bot/config/values.py
EXECUTOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")  # also part of a file name


@dataclass(frozen=True, slots=True)
class Settings:
    """The values of the environment; its representation has no secrets."""

    signalbox_key: Keyring = field(repr=False)
    slack_bot_token: str = field(repr=False)
    slack_signing_secret: str = field(repr=False)
    slack_app_token: str | None = field(repr=False)
    slack_api_url: str | None
    github_token: str | None = field(repr=False)
    github_app_id: str | None
    github_app_private_key: str | None = field(repr=False)
    github_api_url: str | None
    github_webhook_secret: str | None = field(repr=False)
    tfe_token: str | None = field(repr=False)
    tfe_address: str | None
    hcp_notification_token: str | None = field(repr=False)
    database_url: str | None = field(repr=False)
    executor: str
    labels: tuple[str, ...]
    port: int
    listen_address: str | None
    metrics_address: tuple[str, int] | None
    trusted_proxies: tuple[str, ...]
    search_path: str
    log_format: str
    traces_endpoint: str | None
    alert_webhook_url: str | None = field(repr=False)

    @property
    def own_secrets(self) -> tuple[str, ...]:
        """The names of the bot's own secrets that it was given."""
        return tuple(name for name in OWN_SECRETS if getattr(self, name.lower()))


def read(environ: Mapping[str, str], *, executor: str) -> Settings:
    """The settings. `executor` names this process unless SIGNALBOX_EXECUTOR or DYNO does. Raises ConfigError."""
    faults = list(_faults(environ))
    if faults:
        raise ConfigError("environment", tuple(faults))
    return Settings(
        signalbox_key=Keyring.read(environ[KEY]),
        slack_bot_token=environ["SLACK_BOT_TOKEN"],
        slack_signing_secret=environ.get("SLACK_SIGNING_SECRET", ""),
        slack_app_token=environ.get("SLACK_APP_TOKEN") or None,
        slack_api_url=_with_slash(environ.get("SLACK_API_URL")),
        github_token=environ.get("GITHUB_TOKEN") or None,
        github_app_id=environ.get("GITHUB_APP_ID") or None,
        github_app_private_key=environ.get("GITHUB_APP_PRIVATE_KEY") or None,
        github_api_url=environ.get("GITHUB_API_URL") or None,
        github_webhook_secret=environ.get("GITHUB_WEBHOOK_SECRET") or None,
        tfe_token=environ.get("TFE_TOKEN") or None,
        tfe_address=environ.get("TFE_ADDRESS") or None,
        hcp_notification_token=environ.get("HCP_NOTIFICATION_TOKEN") or None,
        database_url=environ.get("DATABASE_URL") or None,
        executor=environ.get("SIGNALBOX_EXECUTOR") or environ.get("DYNO") or executor,
        labels=read_labels(environ.get(LABELS, "")),
        port=int(environ.get("PORT") or DEFAULT_PORT),
        listen_address=environ.get("LISTEN_ADDRESS") or (LOOPBACK if environ.get("SLACK_APP_TOKEN") else None),
        metrics_address=_host_and_port(environ["METRICS_ADDRESS"]) if environ.get("METRICS_ADDRESS") else None,
        trusted_proxies=_proxies(environ),
        search_path=environ.get("PATH", ""),
        log_format=environ.get("LOG_FORMAT") or TEXT,
        traces_endpoint=_traces_endpoint(environ),
        alert_webhook_url=environ.get(ALERTS) or None,
    )


def read_labels(text: str) -> tuple[str, ...]:
    """The labels of this process ("prod,eu"), sorted. Raises ValueError, in words."""
    labels = sorted({part.strip() for part in text.split(",") if part.strip()})
    for label in labels:
        if not _LABEL.fullmatch(label):
            words = "is not a label; use up to 32 lower-case letters, digits, dashes and underscores"
            raise ValueError(f"{label[:60]!r} {words}")
    if len(labels) > MOST_LABELS:
        raise ValueError(f"has {len(labels)} labels; use at most {MOST_LABELS}")
    return tuple(labels)


def secret_values(environ: Mapping[str, str], named: Iterable[str], words: Collection[str] = ()) -> list[str]:
    """All secret values of the environment: the bot's own and those that the configuration names.

    Of the latter those that equal a word of the configuration (the name of an environment) are left out: the words are on
    every button, and typed as confirmations.
    """
    values = [environ[name] for name in (*OWN_SECRETS, *AWS_SECRETS) if environ.get(name)]
    values += split_keys(environ.get(KEY, ""))  # a message would have one of several
    values += [environ[name] for name in named if environ.get(name) and environ[name].strip() not in words]
    password = _password(environ.get("DATABASE_URL", ""))
    # In the URL it may be percent-encoded; an error message may contain it decoded.
    return [*values, *dict.fromkeys([password, unquote(password)])] if password else values


def database_url(url: str | None, default: str) -> str:
    """The database URL for SQLAlchemy with psycopg 3; Heroku and others give postgres:// URLs."""
    if not url:
        return default
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _faults(environ: Mapping[str, str]) -> Iterable[Fault]:
    if not environ.get("SLACK_BOT_TOKEN"):
        yield Fault(None, "SLACK_BOT_TOKEN", "is not set; copy it from the app's OAuth & Permissions page (xoxb-...)")
    if not environ.get("SLACK_SIGNING_SECRET") and not environ.get("SLACK_APP_TOKEN"):
        yield Fault(
            None, "SLACK_SIGNING_SECRET", "is not set; set it for HTTP, or SLACK_APP_TOKEN (xapp-...) for Socket Mode"
        )
    yield from _token_faults(environ)
    yield from _database_faults(environ.get("DATABASE_URL", ""))
    yield from _key_faults(environ.get(KEY))
    for name in ("SIGNALBOX_EXECUTOR", "DYNO"):
        if environ.get(name) and not EXECUTOR.fullmatch(environ[name]):
            problem = "is not a valid process name; use up to 60 letters, digits, dots, dashes and underscores"
            yield Fault(None, name, problem)
    try:
        read_labels(environ.get(LABELS, ""))
    except ValueError as error:
        yield Fault(None, LABELS, str(error))
    port = environ.get("PORT") or str(DEFAULT_PORT)
    if not (port.isascii() and port.isdigit() and 0 <= int(port) <= 65535):
        yield Fault(None, "PORT", f"{port[:20]!r} is not a port number; set a number from 0 to 65535")
    yield from _network_faults(environ)
    yield from _output_faults(environ)


def _output_faults(environ: Mapping[str, str]) -> Iterable[Fault]:
    if (name := environ.get("LOG_FORMAT") or TEXT) not in (TEXT, JSON):
        yield Fault(None, "LOG_FORMAT", f"{name[:20]!r} is not a format of the log; set {TEXT} or {JSON}")
    for variable in (TRACES, TELEMETRY, ALERTS):
        url = environ.get(variable)
        if url and not url.startswith(("http://", "https://")):
            yield Fault(None, variable, "is not an address of HTTP; set for instance http://127.0.0.1:4318")
    if _traces_endpoint(environ) and find_spec("opentelemetry") is None:
        problem = "needs the packages of requirements-tracing.lock, which are not installed; install them or remove it"
        yield Fault(None, TRACES if environ.get(TRACES) else TELEMETRY, problem)


def _traces_endpoint(environ: Mapping[str, str]) -> str | None:
    """Where traces are sent; None for nowhere."""
    base = environ.get(TELEMETRY, "").rstrip("/")
    return environ.get(TRACES) or (f"{base}/v1/traces" if base else None)


def _token_faults(environ: Mapping[str, str]) -> Iterable[Fault]:
    """Tokens of Slack in the place of another (docs.slack.dev/authentication/tokens has what each begins with)."""
    kinds = {"xoxb-": "the bot token", "xapp-": "an app-level token", "xoxp-": "a person's token"}
    wanted = {"SLACK_BOT_TOKEN": "xoxb-", "SLACK_APP_TOKEN": "xapp-", "SLACK_SIGNING_SECRET": ""}
    for name, beginning in wanted.items():
        has = next((kind for kind in kinds if environ.get(name, "").startswith(kind)), "")
        if has and has != beginning:
            right = next((other for other, its in wanted.items() if its == has), "")
            there = f", which belongs into {right}" if right else ""
            instead = f"set {kinds[beginning]} ({beginning}...)" if beginning else "copy it from Basic Information"
            yield Fault(None, name, f"is {kinds[has]} ({has}...){there}; {instead}")


def _database_faults(url: str) -> Iterable[Fault]:
    """An address whose password has characters that end it: no part of it is shown."""
    place, _, rest = url.partition("://")[2].partition("/")
    if place.count("@") > 1 or ("@" in rest.partition("?")[0] and "@" not in place):
        problem = "cannot be read; percent-encode the password in it (@ is %40, / is %2F, # is %23, : is %3A)"
        yield Fault(None, "DATABASE_URL", problem)


def _network_faults(environ: Mapping[str, str]) -> Iterable[Fault]:
    address = environ.get("LISTEN_ADDRESS")
    if address and not _is_valid(ipaddress.ip_address, address):
        problem = (
            f"{address[:60]!r} is not an address to listen on; set an IP address of this machine (0.0.0.0 for all)"
        )
        yield Fault(None, "LISTEN_ADDRESS", problem)
    if environ.get("METRICS_ADDRESS") and not _is_valid(_host_and_port, environ["METRICS_ADDRESS"]):
        problem = f"{environ['METRICS_ADDRESS'][:60]!r} is not an address and port; set for instance 127.0.0.1:9090"
        yield Fault(None, "METRICS_ADDRESS", problem)
    if not _is_valid(_proxies, environ):
        problem = "is not a list of addresses or networks, separated by commas; set for instance 10.0.0.0/8"
        yield Fault(None, "TRUSTED_PROXIES", problem)


def _is_valid(read_value: Callable[[Any], object], value: object) -> bool:
    try:
        read_value(value)
    except ValueError:
        return False
    return True


def _host_and_port(text: str) -> tuple[str, int]:
    """An IP address, or one in brackets, and a port. Raises ValueError."""
    host, _, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() else -1
    if not 0 <= number <= 65535:
        raise ValueError(text)
    return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), number


def _proxies(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The networks of TRUSTED_PROXIES; "none" is no proxy. Raises ValueError."""
    text = environ.get("TRUSTED_PROXIES") or DEFAULT_PROXIES
    parts = [] if text.strip() == "none" else [part.strip() for part in text.split(",")]
    return tuple(str(ipaddress.ip_network(part, strict=False)) for part in parts)


def _key_faults(text: str | None) -> Iterable[Fault]:
    if not text:
        yield Fault(None, KEY, f"is not set; set it to the output of `{NEW_KEY}`, and keep it out of the database")
        return
    try:
        Keyring.read(text)
    except ValueError as error:
        yield Fault(None, KEY, f"{error}; set it to the output of `{NEW_KEY}`")


def _with_slash(url: str | None) -> str | None:
    return f"{url.rstrip('/')}/" if url else None


def _password(url: str) -> str:
    _, _, after_scheme = url.partition("://")
    userinfo, at, _ = after_scheme.rpartition("@")
    return userinfo.partition(":")[2] if at else ""
