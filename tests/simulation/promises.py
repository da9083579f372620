"""What must hold at any time, and in the end; a broken one is a `Broken`."""

import math
from typing import TYPE_CHECKING

from fastopts import keys, model
from fastopts.core import decode
from fastopts.reader.freshness.feed import feed_from_fields
from fastopts.reader.freshness.moment import Moment, stale_error
from fastopts.reader.objects.option import Option
from tests.simulation.network import VirtualConnection
from tests.simulation.redis import RedisSession
from tests.simulation.venue import Conn, Message
from tests.support.oracle import FIELDS

if TYPE_CHECKING:
    from tests.simulation.world import SimulatedSystem

__all__ = ("Broken", "Promises")

# A reader may believe a value for as long as the feed's own limits allow, and no longer.
GRACE_S = 1.5
PACE_MIN_S = 0.1  # between two requests; 0.2 as they are sent, and the network may close the gap
SOCKETS_SPARE = 2
TIMERS_MAX = 300
NAMES = [short for short, _ in model.NUMBERS]


class Broken(AssertionError):
    """A promise that was not kept."""


class Promises:
    """Looks at one world."""

    def __init__(self, system: "SimulatedSystem") -> None:
        self.looks = self.lives = 0
        self._world = system
        self._newest: dict[tuple[int, str], tuple[int, int]] = {}
        self._epoch = (0, 0)  # of the feed, and how often the server had lost something by then
        self._conns: dict[tuple[int, int], Conn] = {}

    # At each write.

    def written(self, key: str, client: RedisSession) -> None:
        """Look at *key*, which *client* has just changed."""
        prefix, _, symbol = key.partition(":")
        if prefix not in ("option", "optrec"):
            return
        value = self._world.redis.keys.get(key, b"")
        if not value or isinstance(value, dict) != (prefix == "option"):
            return  # gone, or another program's
        self._check_writer(client)
        try:
            if prefix == "option":
                self._hash(symbol, {n.decode(): text.decode() for n, text in value.items()})
            else:
                self._record(symbol, value)
        except (Broken, KeyError) as error:
            if key not in self._world.redis.keys_lost:
                raise Broken(f"{key}: torn: {error}") from error
        else:
            self._world.redis.keys_lost.discard(key)

    def _check_writer(self, client: RedisSession) -> None:
        lease = self._world.redis.keys.get(keys.LEASE)
        if lease is not None and self._world.redis.holds(keys.LEASE):
            holder = int(lease.split(b":")[1])
            require(holder == client.number, f"{client.number} writes under the lease of {holder}")

    def _hash(self, symbol: str, held: dict[str, str]) -> None:
        message, numbers = self._source(symbol, held["tv"], held["bq"])
        is_rest = held.pop("cn") == "rest"
        held.pop("rt")
        head = {"ts": str(message.ts // 1000), "tm": str(message.ts), "sq": str(message.serial)}
        if is_rest:
            head = {name: held[name] for name in ("ts", "tm")}
        require(held == numbers | head, f"{held} is not {numbers | head}")

    def _record(self, symbol: str, record: bytes) -> None:
        _, _, flags, epoch, tm, _, sequence, conn, *rest = model.RECORD.unpack(record)
        held = dict(zip(NAMES, rest[3:], strict=True))
        message, numbers = self._source(symbol, held["tv"], held["bq"])
        for name, value in held.items():
            text = numbers.get(name)
            same = math.isnan(value) if text is None else value == float(text)
            require(same, f"{symbol}: {name} of the record is {value}, not {text}")
        if not flags & model.FLAG_REST:
            require((tm, sequence) == (message.ts, message.serial), f"{symbol}: another's time")
            self._check_conn(epoch, conn, message)
        self._check_order(symbol, epoch, tm, flags)

    def _source(
        self, symbol: str, serial: str | float, base: str | float
    ) -> tuple[Message, dict[str, str]]:
        """The message that must have said it, and the numbers that it must have said."""
        message = self._world.venue.messages[int(serial)]
        below = self._world.venue.messages[int(base)]
        require(message.is_sound and below.is_sound, f"{symbol}: stored what can't be read")
        require(message.symbol == below.symbol == symbol, f"{symbol}: holds {message.symbol}'s")
        told = below.whole | message.frame["data"]
        return message, {
            FIELDS[name]: text for name, text in told.items() if text and name in FIELDS
        }

    def _check_conn(self, epoch: int, number: int, message: Message) -> None:
        self._note_conns(epoch)
        known = self._conns.get((epoch, number))
        require(
            known is None or known in message.arrived,
            f"conn {number} has not brought {message.serial}",
        )

    def _note_conns(self, epoch: int) -> None:
        """Learn which connection the process knows by which number."""
        for line in self._world.collector.connections if self._world.collector else ():
            connection = line._open
            wire = connection and connection.socket._transport
            if (
                connection is not None
                and isinstance(wire, VirtualConnection)
                and isinstance(wire.peer, Conn)
            ):
                self._conns[epoch, connection.inlet.conn] = wire.peer

    def _check_order(self, symbol: str, epoch: int, tm: int, flags: int) -> None:
        before = self._newest.get((epoch, symbol))
        self._newest[epoch, symbol] = tm, flags
        if before is None or before[1] & (model.FLAG_TIME_SUSPECT | model.FLAG_REST):
            return
        is_kept = tm >= before[0] or self._world.has_wrong_times
        require(is_kept, f"{symbol}: went back in time by {before[0] - tm} ms")

    # After each step of the process.

    def step(self) -> None:
        """The loss equations, and what must not grow."""
        collector = self._world.collector
        if collector is None:
            return
        table = collector.table
        lost = table.received - table.applied - table.older - sum(table.rejected.values())
        require(lost == 0, f"received is {lost} more than what became of it")
        lost = table.applied - table.written - table.conflated - table.pending
        require(lost == 0, f"applied is {lost} more than what became of it")
        require(0 <= table.dirty <= len(table), "more is dirty than there is")

    # Now and then.

    def look(self) -> None:
        """Read as a reader does: what it takes as live must be what a living connection says."""
        self.looks += 1
        self._check_bounds()
        fields = self._world.redis.keys.get(keys.FEED)
        if not isinstance(fields, dict) or b"venue" not in fields:
            return
        feed = feed_from_fields(fields, "sim")
        self._check_epoch(feed.epoch)
        moment = Moment(feed, round(self._world.redis.now_ms()), {})
        for listing in self._world.venue.trading():
            record = self._world.redis.keys.get(keys.record(listing.symbol))
            if isinstance(record, bytes) and len(record) == model.RECORD.size:
                conns = moment.live_conns
                option = decode(Option, listing.symbol, record, moment, feed.epoch, conns)
                self._judge(option, feed.watchdog_limit_ms, feed.heartbeat_limit_ms)

    def _check_epoch(self, epoch: int) -> None:
        losses, highest = self._epoch
        if losses == self._world.redis.losses:
            require(epoch >= highest, f"the epoch fell from {highest} to {epoch}")
        self._epoch = self._world.redis.losses, epoch

    def _judge(self, option: Option, watchdog_ms: int, heartbeat_ms: int) -> None:
        if not option.live:
            stale_error(option)
            return
        self.lives += 1
        system, now = self._world, self._world.agenda.now
        grace_s = GRACE_S + system.redis.host.slowness_s
        message = system.venue.messages[int(option.total_volume or 0)]
        conn = self._conns.get((option.epoch, option.conn))  # none: it is gone already
        silent_s = now - conn.arrived_at if conn else 0.0
        require(
            silent_s < watchdog_ms / 1000 + grace_s,
            f"{option.symbol} is live, and its connection was silent for {silent_s:.1f} s",
        )
        if option.time_suspect:
            return
        for newer in system.venue.news_since(message):
            known_s = now - min(newer.arrived.values(), default=now)
            require(
                known_s < heartbeat_ms / 1000 + grace_s,
                f"{message.serial} is live, and {newer.serial} came {known_s:.1f} s ago",
            )

    def _check_bounds(self) -> None:
        system = self._world
        collector, shards = system.collector, 4
        if collector is not None:
            shards = max(1, len(collector.connections))
            for line in collector.connections:
                if line._open is not None:
                    queued = len(line._open.session._queue)
                    require(queued <= 6 * len(system.venue.listings), f"{queued} in the queue")
        for host, most in ((system.venue.host, shards), (system.redis.host, 1)):
            up = sum(not wire.is_black for wire in host.wires)
            require(up <= most + SOCKETS_SPARE, f"{up} connections are open")
        require(len(system.loop._scheduled) < TIMERS_MAX, "timers pile up")  # type: ignore[attr-defined]
        for conn in system.venue.conns:
            pairs = zip(conn.requests, conn.requests[1:], strict=False)
            require(all(b - a > PACE_MIN_S for a, b in pairs), "requests too fast")
            del conn.requests[:-1]

    # At the end.

    def differences(self) -> list[str]:
        """Differences from the venue's last messages, for a reader that requires live values."""
        fields = self._world.redis.keys.get(keys.FEED)
        if not isinstance(fields, dict) or b"venue" not in fields:
            return ["there is no feed"]
        feed = feed_from_fields(fields, "sim")
        moment = Moment(feed, round(self._world.redis.now_ms()), {})
        found = [self._difference(x.symbol, moment) for x in self._world.venue.trading()]
        table = self._world.collector.table if self._world.collector else None
        if table is None or table.pending or table.dirty:
            found.append("something waits to be written")
        return [words for words in found if words]

    def _difference(self, symbol: str, moment: Moment) -> str:
        held = self._world.redis.keys.get(keys.option(symbol))
        record = self._world.redis.keys.get(keys.record(symbol))
        last = self._world.venue.listings[symbol].last
        if not isinstance(held, dict) or not isinstance(record, bytes) or last is None:
            return f"{symbol} is missing"
        shown = {name.decode(): text.decode() for name, text in held.items()}
        numbers = {FIELDS[n]: text for n, text in last.whole.items() if text and n in FIELDS}
        head = {"tm": str(last.ts), "ts": str(last.ts // 1000), "sq": str(last.serial)}
        if {k: v for k, v in shown.items() if k not in ("rt", "cn")} != numbers | head:
            return f"{symbol}: the hash holds {shown.get('tv')}, not {last.serial}"
        option = decode(Option, symbol, record, moment, moment.feed.epoch, moment.live_conns)
        if option.total_volume != last.serial or option.seq != last.serial:
            return f"{symbol}: the record holds {option.total_volume}, not {last.serial}"
        if not option.live:
            return f"{symbol}: {stale_error(option)}"
        return ""


def require(kept: bool, words: str) -> None:
    """Raise Broken with *words* unless it was *kept*."""
    if not kept:
        raise Broken(words)
