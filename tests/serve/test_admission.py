"""Connection limits, without sockets."""

import json

from fastopts.serve.http.admission import Admission, final_response
from fastopts.serve.http.clients import ClientResolver, networks
from fastopts.serve.protocol import Reason
from fastopts.serve.settings import Limits
from fastopts.serve.stats import ServerStats

PROXY = "10.0.0.1"


class Connections:
    """Connections by name, of which the evicted ones leave by themselves."""

    def __init__(self, *, total: int = 10, each: int = 10) -> None:
        limits = Limits(connections=total, connections_each=each)
        clients = ClientResolver(networks((PROXY,)))
        self.admission = Admission(limits, ServerStats(), clients)
        self.evicted: list[str] = []

    def enter(self, name: str, address: str = "192.0.2.1") -> bool:
        def evict() -> None:
            self.evicted.append(name)
            self.admission.leave(name, address)

        return self.admission.enter(name, address, evict)


def test_at_the_limit_the_oldest_unconfirmed_connection_is_evicted() -> None:
    connections = Connections(each=2)
    assert connections.enter("a")
    assert connections.enter("b")
    connections.admission.confirm("a", "192.0.2.1")
    assert connections.enter("c")
    assert connections.evicted == ["b"]
    assert len(connections.admission) == 2


def test_confirmed_connections_are_never_evicted() -> None:
    connections = Connections(each=2)
    for name in ("a", "b"):
        assert connections.enter(name)
        connections.admission.confirm(name, "192.0.2.1")
    assert not connections.enter("c")
    assert connections.enter("d", "192.0.2.2")
    assert connections.evicted == []


def test_the_total_limit_evicts_from_the_address_with_most_connections() -> None:
    connections = Connections(total=3)
    for name, address in (("a", "192.0.2.1"), ("b", "192.0.2.2"), ("c", "192.0.2.2")):
        assert connections.enter(name, address)
    assert connections.enter("d", "192.0.2.3")
    assert connections.evicted == ["b"]


def test_addresses_of_one_ipv6_network_count_together_and_a_proxy_only_in_total() -> None:
    connections = Connections(total=3, each=1)
    assert connections.enter("a", "2001:db8::1")
    assert connections.enter("b", "2001:db8::2")
    assert connections.evicted == ["a"]
    assert connections.enter("c", PROXY)
    assert connections.enter("d", PROXY)
    assert connections.evicted == ["a"]
    assert len(connections.admission) == 3


def test_a_connection_that_left_is_not_counted() -> None:
    connections = Connections(each=1)
    assert connections.enter("a")
    connections.admission.leave("a", "192.0.2.1")
    assert len(connections.admission) == 0
    assert connections.enter("b")
    assert connections.evicted == []


def test_a_final_response_is_complete_and_closes_the_connection() -> None:
    head, _, body = final_response(431, Reason.TOO_LARGE, "too large").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Connection: close" in head
    assert json.loads(body)["reason"] == "TooLarge"
