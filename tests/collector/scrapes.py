"""What Prometheus does: asks over HTTP, and reads the answer."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from fastopts.collector.operation.exposition import Exposition, Sources
from fastopts.collector.run import Collector
from fastopts.collector.venue.connection import VenueConnection
from fastopts.config import Settings
from fastopts.net.redis.address import Address
from fastopts.session.shards import Shard
from fastopts.venues.bybit.hosts import Endpoints

__all__ = ("REQUEST", "Scrape", "ask", "everything", "scrape")

REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost:8051\r\nAccept: text/plain\r\n\r\n"


@dataclass(frozen=True)
class Scrape:
    families: dict[str, Metric]

    @staticmethod
    def of(text: str) -> "Scrape":
        return Scrape({family.name: family for family in text_string_to_metric_families(text)})

    def value(self, name: str, **labels: str) -> float:
        """The one sample of that name and these labels."""
        [value] = self.values(name, **labels)
        return value

    def values(self, name: str, **labels: str) -> list[float]:
        samples = [s for family in self.families.values() for s in family.samples]
        return [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]

    @property
    def names(self) -> set[str]:
        """Every name that a query may use."""
        return {sample.name for family in self.families.values() for sample in family.samples}


async def ask(port: int, request: bytes | Iterable[bytes] = REQUEST) -> tuple[bytes, bytes]:
    """Send *request*, part by part; return head and body of the response, read to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        for part in [request] if isinstance(request, bytes) else request:
            writer.write(part)
            await writer.drain()
        while data := await reader.read(1 << 16):
            answer += data
    except ConnectionError:
        pass  # it was ended; what came before that counts
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


async def scrape(port: int) -> Scrape:
    head, body = await ask(port)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    return Scrape.of(body.decode())


def everything() -> Scrape:
    """All figures there can be: those of a collector that knows what it may know."""

    async def look() -> Scrape:
        collector = Collector(
            Settings(venue="sim", record="/nowhere"),
            Endpoints("sim", "http://127.0.0.1:1", "ws://127.0.0.1:1/x"),
            Address("127.0.0.1", 1),
            "fastopts/1.2.3",
        )
        collector.writer.heartbeat.took_s = 0.001
        for clock in (collector.feed.server, collector.feed.exchange):
            clock.add(1000.0, 0.0, 1.0)
        line = VenueConnection(Shard(0), collector.parts.context)
        line._inlet = collector.table.inlet(1)
        line._lateness.note(40, 40, 0.0)
        collector.connections.append(line)
        for duty in collector.duties:
            duty.done()
        parts = collector.parts
        sources = Sources(
            table=parts.table,
            connections=parts.connections,
            writer=parts.writer,
            monitor=parts.monitor,
            universe=parts.universe,
            rest_check=parts.rest_check,
            duties=parts.duties,
            recorder=parts.recorder,
        )
        exposition = Exposition({"version": "1.2.3", "venue": "sim"}, sources)
        return Scrape.of(exposition.render().decode())

    return asyncio.run(look())
