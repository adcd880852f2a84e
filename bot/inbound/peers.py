"""Who is at the other end of a connection: its address, or behind a proxy of ours what the proxy says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

FORWARDED = "X-Forwarded-For"
LOOPBACK = ("127.0.0.0/8", "::1/128")
# The part of an IPv6 address that one customer gets whole (RFC 6177): all of it counts as one peer.
ONE_SITE = 64

Network = IPv4Network | IPv6Network


class Peers:
    """Names peers; `proxies` are the networks of the proxies whose `X-Forwarded-For` counts."""

    def __init__(self, proxies: Iterable[str] = LOOPBACK) -> None:
        self._proxies: tuple[Network, ...] = tuple(ip_network(network, strict=False) for network in proxies)

    def is_proxy(self, address: str) -> bool:
        """Whether this is the address of a proxy of ours."""
        ip = _parsed(address)
        return ip is not None and any(ip in network for network in self._proxies)

    def of(self, request: web.Request) -> str:
        """The address of who sent this request, for the log."""
        peer = request.remote or "unknown"
        if not self.is_proxy(peer):
            return peer
        for hop in reversed(",".join(request.headers.getall(FORWARDED, [])).split(",")):
            try:
                address = str(ip_address(hop.strip()))
            except ValueError:
                return peer  # what is before it was not written by a proxy of ours
            if not self.is_proxy(address):
                return address
        return peer


def counted_as(address: str) -> str:
    """The name under which the connections of an address are counted."""
    ip = _parsed(address)
    return str(IPv6Network((ip, ONE_SITE), strict=False)) if isinstance(ip, IPv6Address) else str(ip or address)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """The address without its zone; an IPv4 address that is written as an IPv6 one is the IPv4 address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip
