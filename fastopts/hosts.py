"""Host names and addresses: which of them can only be this machine."""

import ipaddress

__all__ = ("is_loopback",)


def is_loopback(host: str) -> bool:
    """Whether *host*, a name or an IP address, can only be this machine.

    Of names only `localhost` counts: what another name resolves to may change at any time.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
