"""The address of a client, also behind trusted proxies, and the key under which it is counted."""

import functools
import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from fastopts.errors import ConfigError

__all__ = ("ClientResolver", "Network", "address_key", "networks")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Headers = Iterable[tuple[bytes, bytes]]

# Providers assign at least a /64 to each customer (RFC 6177), so one host can send from any address
# in it. Counted by single addresses, an IPv6 client would have no limit.
IPV6_PREFIX: Final = 64

# RFC 7239, section 4: Forwarded: for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"
_FOR: Final = re.compile(
    r'(?:^|;)\s*for\s*=\s*(?:"(?P<quoted>[^"]*)"|(?P<token>[^;\s]*))', re.IGNORECASE
)
_ELEMENT: Final = re.compile(r'(?:[^,"]|"[^"]*")+')
_PORT: Final = re.compile(r":\d{1,5}")


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parse the values of --trusted-proxy. Raises ConfigError."""
    names = [name.strip() for text in texts for name in text.split(",")]
    return tuple(_network(name) for name in names if name)


def _network(name: str) -> Network:
    try:
        network = ipaddress.ip_network(name)
    except ValueError as error:
        raise ConfigError(
            f"--trusted-proxy {name}: {error}; write an address or a network such as 10.0.0.0/24"
        ) from None
    if network.prefixlen == 0:
        raise ConfigError(
            f"--trusted-proxy {name}: with every address trusted, any client can claim to be any"
            " other; name the proxy's own address or network"
        )
    return network


@functools.lru_cache(1024)
def address_key(address: str) -> str:
    """Return the key to count *address* by: an IPv4 address, or the /64 of an IPv6 address."""
    parsed = _parse(address)
    if parsed is None:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.IPv6Network((int(parsed), IPV6_PREFIX), strict=False))


class ClientResolver:
    """Resolves the client of a request: the connection's peer, or the client of a trusted proxy.

    X-Forwarded-For and Forwarded are read from the right, where the nearest proxy writes, up to the
    first address that is not a trusted proxy. Everything to the left of it is the client's own
    claim and may be forged.
    """

    def __init__(self, proxies: Sequence[Network]) -> None:
        self._proxies = proxies

    def is_proxy(self, address: str) -> bool:
        """Whether *address* belongs to a trusted proxy."""
        parsed = _parse(address)
        return parsed is not None and self._is_trusted(parsed)

    def key(self, peer: str, headers: Headers) -> str:
        """Return the key to count the client of a request by.

        *peer* is the address of the connection, *headers* are those of the request.
        """
        address = _parse(peer) if self._proxies else None
        if address is None or not self._is_trusted(address):
            return address_key(peer)
        fields = list(headers)
        chains = (_x_forwarded_for(fields), _forwarded(fields))
        clients = {self._client(address, chain) for chain in chains if chain}
        # A proxy writes one of the two headers; the other one may be the client's. Where they
        # disagree, neither counts.
        return address_key(str(clients.pop() if len(clients) == 1 else address))

    def _client(self, peer: _Address, chain: Sequence[str]) -> _Address:
        """Follow *chain* from its end up to the first address that is not a trusted proxy."""
        client = peer
        for text in reversed(chain):
            address = _parse(_without_port(text))
            if address is None:  # "unknown", or an obfuscated name (RFC 7239, section 6)
                break
            client = address
            if not self._is_trusted(address):
                break
        return client

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._proxies)


def _x_forwarded_for(headers: Headers) -> list[str]:
    return [
        part.strip() for value in _values(headers, b"x-forwarded-for") for part in value.split(",")
    ]


def _forwarded(headers: Headers) -> list[str]:
    """The `for` of each element of RFC 7239's header; empty for an element without one."""
    chain = []
    for value in _values(headers, b"forwarded"):
        for element in _ELEMENT.findall(value):
            match = _FOR.search(element)
            chain.append((match["quoted"] or match["token"] or "") if match else "")
    return chain


def _values(headers: Headers, name: bytes) -> Iterator[str]:
    return (value.decode("latin-1") for header, value in headers if header == name)


def _without_port(text: str) -> str:
    """Strip a port from *text*, and the brackets from an IPv6 address."""
    if text.startswith("["):
        address, bracket, port = text[1:].partition("]")
        return address if bracket and (not port or _PORT.fullmatch(port)) else ""
    address, colon, _ = text.partition(":")
    return address if colon and text.count(":") == 1 else text


def _parse(text: str) -> _Address | None:
    """Parse an address; an IPv4-mapped IPv6 address (::ffff:192.0.2.1) becomes the IPv4 one."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
