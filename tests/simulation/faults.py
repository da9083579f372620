"""The faults, and the plan that a seed draws of them."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from fastopts.errors import ConnectionLost
from fastopts.net.http import HttpResponse
from fastopts.sim.dialect import TICKERS
from tests.simulation.network import Host
from tests.simulation.venue import Conn, Message

if TYPE_CHECKING:
    from tests.simulation.world import SimulatedSystem

__all__ = ("FAULTS", "RARE", "Planned", "plan")

# Begins a fault; what it returns ends it.
Begin = Callable[["SimulatedSystem"], Callable[[], None] | None]

LASTS_MAX_S = 8.0
SPRAY_S = 0.3
FOREIGN = b"another program's"
HOUR_MS = 3600 * 1000
REFUSALS = ("OOM", "MISCONF", "LOADING", "READONLY", "BUSY", "NOPERM", "ERR")


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: what, when, and for how long."""

    kind: str
    at: float
    lasts_s: float


def plan(seed: int, rng: random.Random, most: int, within_s: float) -> list[Planned]:
    """Draw up to *most* faults that begin *within_s*; they overlap. One goes by turns."""
    kinds = sorted(FAULTS)
    weights = [RARE.get(kind, 1.0) for kind in kinds]
    drawn = [kinds[seed % len(kinds)], *rng.choices(kinds, weights, k=rng.randrange(most))]
    return [Planned(k, rng.uniform(1.0, within_s), rng.uniform(0.1, LASTS_MAX_S)) for k in drawn]


def _a_conn(world: "SimulatedSystem") -> Conn | None:
    return world.rng.choice(world.venue.conns) if world.venue.conns else None


def _some(world: "SimulatedSystem", most: int = 4) -> list[str]:
    symbols = [listing.symbol for listing in world.venue.trading()]
    return world.rng.sample(symbols, min(len(symbols), world.rng.randint(1, most)))


def _set(holder: Any, name: str, value: Any, normal: Any) -> Callable[[], None]:
    """Set an attribute; the fault's end makes it *normal*."""
    setattr(holder, name, value)
    return lambda: setattr(holder, name, normal)


# The venue's connections.


def close(world: "SimulatedSystem") -> None:
    if conn := _a_conn(world):
        conn.wire.close_down()


def close_with_code(world: "SimulatedSystem") -> None:
    if conn := _a_conn(world):
        conn.close(world.rng.choice((1000, 1001, 1011, 1012, 1013)))


def reset(world: "SimulatedSystem") -> None:
    if conn := _a_conn(world):
        conn.wire.reset()


def reset_all(world: "SimulatedSystem") -> None:
    for conn in list(world.venue.conns):
        conn.wire.reset()


def half_open(world: "SimulatedSystem") -> None:
    if conn := _a_conn(world):
        conn.wire.is_black = True


def cut_in_a_frame(world: "SimulatedSystem") -> None:
    if conn := _a_conn(world):
        conn.wire.cut_after = world.rng.randrange(1, 2000)


def mute(world: "SimulatedSystem") -> Callable[[], None] | None:
    conn = _a_conn(world)
    if conn is None:
        return None
    conn.is_mute = True
    return conn.unmute


def mute_all(world: "SimulatedSystem") -> Callable[[], None]:
    world.venue.faults.mute = True

    def end() -> None:
        world.venue.faults.mute = False
        for conn in list(world.venue.conns):
            conn.unmute()

    return end


def quiet(world: "SimulatedSystem") -> Callable[[], None]:
    return _set(world.venue, "is_ticking", False, True)


def burst(world: "SimulatedSystem") -> None:
    for _ in range(20):
        for listing in world.venue.trading():
            world.venue.tick(listing.symbol)


def no_pongs(world: "SimulatedSystem") -> Callable[[], None]:
    return _set(world.venue.faults, "withhold_pongs", True, False)


def absurd_pongs(world: "SimulatedSystem") -> Callable[[], None]:
    return _set(world.venue, "absurd_pongs", True, False)


def no_acks(world: "SimulatedSystem") -> Callable[[], None]:
    reset(world)
    return _set(world.venue.faults, "withhold_acks", True, False)


def topics_fail(world: "SimulatedSystem") -> Callable[[], None]:
    world.venue.faults.fail_topics |= {TICKERS + symbol for symbol in _some(world)}
    reset_all(world)
    return world.venue.faults.fail_topics.clear


def topics_are_ignored(world: "SimulatedSystem") -> Callable[[], None]:
    world.venue.faults.silent_topics |= {TICKERS + symbol for symbol in _some(world)}
    reset_all(world)
    return world.venue.faults.silent_topics.clear


def requests_refused_whole(world: "SimulatedSystem") -> Callable[[], None]:
    reset_all(world)
    return _set(world.venue, "refuse_whole", world.rng.randint(1, 3), 0)


def handshakes_refused(world: "SimulatedSystem") -> Callable[[], None]:
    reset(world)
    status = world.rng.choice((400, 404, 429, 500, 502, 503))
    return _set(world.venue.faults, "refuse_status", status, None)


def handshakes_forbidden(world: "SimulatedSystem") -> Callable[[], None]:
    reset(world)
    return _set(world.venue.faults, "refuse_status", 403, None)


def venue_refuses(world: "SimulatedSystem") -> Callable[[], None]:
    reset_all(world)
    return _set(world.venue.host, "refuses", True, False)


def venue_swallows(world: "SimulatedSystem") -> Callable[[], None]:
    reset(world)
    return _set(world.venue.host, "swallows", True, False)


def venue_is_slow(world: "SimulatedSystem") -> Callable[[], None]:
    return _set(world.venue.host, "slowness_s", world.rng.uniform(0.1, 1.5), 0.0)


def fragments(world: "SimulatedSystem") -> Callable[[], None]:
    return _set(world.venue, "is_fragmenting", True, False)


# What it says.


def _spray(
    world: "SimulatedSystem", say: Callable[["SimulatedSystem", Conn, str], None]
) -> Callable[[], None]:
    """Let it *say* something of some symbol to a connection again and again."""
    is_over = False

    def again() -> None:
        conn = _a_conn(world)
        told = sorted(filter(world.venue.is_trading, conn.symbols)) if conn else []
        if conn is not None and told:
            say(world, conn, world.rng.choice(told))
        if not is_over:
            world.agenda.after(world.rng.uniform(0.0, SPRAY_S), again)

    def end() -> None:
        nonlocal is_over
        is_over = True

    again()
    return end


def older(world: "SimulatedSystem") -> Callable[[], None]:
    def say(world: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        last = world.venue.listings[symbol].last
        if last is not None:
            old_ms = round(world.venue.now_ms()) - last.ts
            conn.deliver(world.venue.make(symbol, late_ms=old_ms + world.rng.randint(1, 20_000)))

    return _spray(world, say)


def duplicates(world: "SimulatedSystem") -> Callable[[], None]:
    def say(world: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        news = [m for m in world.venue.news[symbol][-3:] if conn in m.conns and not m.is_late]
        if news and news[-1].frame["type"] == "snapshot":
            conn.deliver(news[-1])

    return _spray(world, say)


def times_ahead(world: "SimulatedSystem") -> Callable[[], None]:
    def say(world: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        conn.deliver(world.venue.make(symbol, late_ms=-HOUR_MS))

    return _spray(world, say)


def times_behind(world: "SimulatedSystem") -> Callable[[], None]:
    def say(world: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        conn.deliver(world.venue.make(symbol, late_ms=HOUR_MS))

    return _spray(world, say)


def deltas(world: "SimulatedSystem") -> Callable[[], None]:
    return _spray(world, lambda world, conn, symbol: conn.deliver_delta(symbol))


def baseless_deltas(world: "SimulatedSystem") -> Callable[[], None]:
    """Of a symbol that this connection has never delivered, and will not."""

    def say(world: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        others = [x.symbol for x in world.venue.trading() if not conn.has_told(x.symbol)]
        if others:
            message = world.venue.make(world.rng.choice(others), late_ms=-1)
            message.frame["type"] = "delta"
            message.is_sound = False
            conn.deliver(message)

    return _spray(world, say)


def garbage(world: "SimulatedSystem") -> Callable[[], None]:
    def say(world: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        message = world.venue.make(symbol, late_ms=-1)
        message.is_sound = False
        message.payload = _spoilt(world.rng, message)
        conn.deliver(message)

    return _spray(world, say)


def _spoilt(rng: random.Random, message: Message) -> bytes:
    frame, good = message.frame, orjson.dumps(message.frame)
    return rng.choice(
        (
            good[: rng.randrange(1, len(good))],
            good.replace(b'"markPrice"', b'"markPrice":"1","markPrice"'),
            good.replace(b"-", b"\xff"),
            orjson.dumps(frame | {"ts": "now"}),
            orjson.dumps(frame | {"ts": -frame["ts"]}),
            orjson.dumps(frame | {"type": "snapshoot"}),
            orjson.dumps(frame | {"data": [frame["data"]]}),
            orjson.dumps(frame | {"data": frame["data"] | {"symbol": "BTC-1JAN30-1-C"}}),
            orjson.dumps(frame | {"topic": "tickers.*"}),
            rng.choice((b"[]", b"null", b"{}", b"0", b'""', b"[" * 5000)),
            rng.randbytes(rng.randrange(1, 60)),
        )
    )


def bad_numbers(world: "SimulatedSystem") -> Callable[[], None]:
    def say(world: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        message = world.venue.make(symbol)
        bad = world.rng.sample(("vega", "theta", "gamma", "askSize"), 2)
        texts = world.rng.choices(("NaN", "1e999", "0x10", "1,5", "9" * 40, " 1"), k=2)
        odd = message.whole | dict(zip(bad, texts, strict=True))
        message.payload = orjson.dumps(message.frame | {"data": odd})
        for name in bad:
            message.whole[name] = ""
        for each in world.venue.subscribers(symbol):
            each.deliver(message)

    return _spray(world, say)


def strangers(world: "SimulatedSystem") -> Callable[[], None]:
    def say(world: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        names = ("BTC-25DEC37-1-C-USDT", "DOT-25DEC37-1-C-USDT", "BTC-PERP", "BTC-1JAN20-9-P")
        name = world.rng.choice(names)
        message = world.venue.make(name)
        message.is_sound = name == names[0]
        conn.deliver(message)

    return _spray(world, say)


# What it lists.


def expiry(world: "SimulatedSystem") -> None:
    for symbol in _some(world, 3):
        listing = world.venue.listings[symbol]
        listing.expiry_ms = min(listing.expiry_ms, world.venue.now_ms() + 3000)


def delisting(world: "SimulatedSystem") -> None:
    for symbol in _some(world, 2):
        world.venue.listings[symbol].is_listed = False


def listing(world: "SimulatedSystem") -> None:
    for _ in range(world.rng.randint(1, 4)):
        strike = 1000 + len(world.venue.listings)
        world.venue.list_option(f"BTC-25DEC37-{strike}-P-USDT", 30)


def _rest(world: "SimulatedSystem", answer: Callable[[str], HttpResponse]) -> Callable[[], None]:
    return _set(world.venue, "rest_fails", answer, None)


def rest_is_down(world: "SimulatedSystem") -> Callable[[], None]:
    def fail(path: str) -> HttpResponse:
        raise ConnectionLost("nobody is there")

    return _rest(world, fail)


def rest_fails(world: "SimulatedSystem") -> Callable[[], None]:
    status, body = world.rng.choice(((500, b""), (200, b"<html>"), (404, b""), (200, b"[]")))
    return _rest(world, lambda path: HttpResponse(status, {}, body))


def rest_lists_nothing(world: "SimulatedSystem") -> Callable[[], None]:
    body = {"retCode": 0, "result": {"list": [], "nextPageCursor": ""}}

    def answer(path: str) -> HttpResponse:
        return HttpResponse(200, {}, orjson.dumps({**body, "time": round(world.venue.now_ms())}))

    return _rest(world, answer)


# Redis.


def _hang_up(host: Host) -> None:
    for wire in list(host.wires):
        wire.reset()


def redis_resets(world: "SimulatedSystem") -> None:
    _hang_up(world.redis.host)


def redis_cut_in_a_reply(world: "SimulatedSystem") -> None:
    for wire in list(world.redis.host.wires):
        wire.cut_after = world.rng.randrange(1, 300)


def redis_refuses(world: "SimulatedSystem") -> Callable[[], None]:
    _hang_up(world.redis.host)
    return _set(world.redis.host, "refuses", True, False)


def redis_black_hole(world: "SimulatedSystem") -> Callable[[], None]:
    for wire in world.redis.host.wires:
        wire.is_black = True
    return _set(world.redis.host, "swallows", True, False)


def redis_hangs(world: "SimulatedSystem") -> Callable[[], None]:
    world.redis.is_hung = True
    return world.redis.thaw


def redis_is_slow(world: "SimulatedSystem") -> Callable[[], None]:
    return _set(world.redis.host, "slowness_s", world.rng.uniform(0.05, 1.0), 0.0)


def redis_restarts_empty(world: "SimulatedSystem") -> Callable[[], None]:
    world.redis.restart({}, {})
    return _set(world.redis.host, "refuses", True, False)


def redis_forgets_writes(world: "SimulatedSystem") -> Callable[[], None]:
    """It acknowledges writes that it does not have after its restart."""
    held = world.redis.backup()
    return lambda: world.redis.restart(*held)


def redis_is_flushed(world: "SimulatedSystem") -> None:
    world.redis.lose(list(world.redis.keys))


def redis_evicts(world: "SimulatedSystem") -> None:
    names = sorted(world.redis.keys)
    world.redis.lose(world.rng.sample(names, world.rng.randint(0, len(names)) // 2))


def redis_refuses_commands(world: "SimulatedSystem") -> Callable[[], None]:
    return _set(world.redis, "refusal", world.rng.choice(REFUSALS) + " of the model", "")


def keys_of_another_program(world: "SimulatedSystem") -> Callable[[], None]:
    for symbol in _some(world, 3):
        world.redis.keys[f"option:{symbol}"] = FOREIGN

    def end() -> None:
        names = [name for name, value in world.redis.keys.items() if value == FOREIGN]
        if names:
            world.redis.lose(names)

    world.at_last.append(end)  # a restart may bring them back
    return end


def subscribers(world: "SimulatedSystem") -> Callable[[], None]:
    return _set(world.redis, "subscribers", 1, 0)


def usurper(world: "SimulatedSystem") -> None:
    """The process is stopped for longer than its lease lasts; another takes over, and dies."""
    for attempt in range(1, 30):
        world.agenda.after(attempt / 5, world.usurp)
    world.agenda.run_until(world.agenda.now + 6.0)


# The process.


def stall(world: "SimulatedSystem") -> None:
    """The process is stopped; the world goes on."""
    world.agenda.run_until(world.agenda.now + world.rng.uniform(0.3, 9.0))


def wall_clock_steps(world: "SimulatedSystem") -> Callable[[], None]:
    step_ms = world.rng.choice((-1, 1)) * 10 * 60_000
    return _set(world, "wall_offset_ms", step_ms, 0)


def kill(world: "SimulatedSystem") -> None:
    world.kill()


def stop(world: "SimulatedSystem") -> None:
    if world.collector is not None:
        world.collector.stop.set()


FAULTS: dict[str, Begin] = {
    begin.__name__: begin
    for begin in (
        *(close, close_with_code, reset, reset_all, half_open, cut_in_a_frame, mute, mute_all),
        *(quiet, burst, no_pongs, absurd_pongs, no_acks, topics_fail, topics_are_ignored),
        *(requests_refused_whole, handshakes_refused, handshakes_forbidden, venue_refuses),
        *(venue_swallows, venue_is_slow, fragments, older, duplicates, times_ahead, times_behind),
        *(deltas, baseless_deltas, garbage, bad_numbers, strangers, expiry, delisting, listing),
        *(rest_is_down, rest_fails, rest_lists_nothing, redis_resets, redis_cut_in_a_reply),
        *(redis_refuses, redis_black_hole, redis_hangs, redis_is_slow, redis_restarts_empty),
        *(redis_forgets_writes, redis_is_flushed, redis_evicts, redis_refuses_commands),
        *(keys_of_another_program, subscribers, usurper, stall, wall_clock_steps, kill, stop),
    )
}
RARE = {"handshakes_forbidden": 0.1}  # keeps the collector away for ten minutes
