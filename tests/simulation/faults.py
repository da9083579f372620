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


def _a_conn(system: "SimulatedSystem") -> Conn | None:
    return system.rng.choice(system.venue.conns) if system.venue.conns else None


def _some(system: "SimulatedSystem", most: int = 4) -> list[str]:
    symbols = [listing.symbol for listing in system.venue.trading()]
    return system.rng.sample(symbols, min(len(symbols), system.rng.randint(1, most)))


def _set(holder: Any, name: str, value: Any, normal: Any) -> Callable[[], None]:
    """Set an attribute; the fault's end makes it *normal*."""
    setattr(holder, name, value)
    return lambda: setattr(holder, name, normal)


# The venue's connections.


def close(system: "SimulatedSystem") -> None:
    if conn := _a_conn(system):
        conn.wire.close_down()


def close_with_code(system: "SimulatedSystem") -> None:
    if conn := _a_conn(system):
        conn.close(system.rng.choice((1000, 1001, 1011, 1012, 1013)))


def reset(system: "SimulatedSystem") -> None:
    if conn := _a_conn(system):
        conn.wire.reset()


def reset_all(system: "SimulatedSystem") -> None:
    for conn in list(system.venue.conns):
        conn.wire.reset()


def half_open(system: "SimulatedSystem") -> None:
    if conn := _a_conn(system):
        conn.wire.is_black = True


def cut_in_a_frame(system: "SimulatedSystem") -> None:
    if conn := _a_conn(system):
        conn.wire.cut_after = system.rng.randrange(1, 2000)


def mute(system: "SimulatedSystem") -> Callable[[], None] | None:
    conn = _a_conn(system)
    if conn is None:
        return None
    conn.is_mute = True
    return conn.unmute


def mute_all(system: "SimulatedSystem") -> Callable[[], None]:
    system.venue.faults.mute = True

    def end() -> None:
        system.venue.faults.mute = False
        for conn in list(system.venue.conns):
            conn.unmute()

    return end


def quiet(system: "SimulatedSystem") -> Callable[[], None]:
    return _set(system.venue, "is_ticking", False, True)


def burst(system: "SimulatedSystem") -> None:
    for _ in range(20):
        for listing in system.venue.trading():
            system.venue.tick(listing.symbol)


def no_pongs(system: "SimulatedSystem") -> Callable[[], None]:
    return _set(system.venue.faults, "withhold_pongs", True, False)


def absurd_pongs(system: "SimulatedSystem") -> Callable[[], None]:
    return _set(system.venue, "absurd_pongs", True, False)


def no_acks(system: "SimulatedSystem") -> Callable[[], None]:
    reset(system)
    return _set(system.venue.faults, "withhold_acks", True, False)


def topics_fail(system: "SimulatedSystem") -> Callable[[], None]:
    system.venue.faults.fail_topics |= {TICKERS + symbol for symbol in _some(system)}
    reset_all(system)
    return system.venue.faults.fail_topics.clear


def topics_are_ignored(system: "SimulatedSystem") -> Callable[[], None]:
    system.venue.faults.silent_topics |= {TICKERS + symbol for symbol in _some(system)}
    reset_all(system)
    return system.venue.faults.silent_topics.clear


def requests_refused_whole(system: "SimulatedSystem") -> Callable[[], None]:
    reset_all(system)
    return _set(system.venue, "refuse_whole", system.rng.randint(1, 3), 0)


def handshakes_refused(system: "SimulatedSystem") -> Callable[[], None]:
    reset(system)
    status = system.rng.choice((400, 404, 429, 500, 502, 503))
    return _set(system.venue.faults, "refuse_status", status, None)


def handshakes_forbidden(system: "SimulatedSystem") -> Callable[[], None]:
    reset(system)
    return _set(system.venue.faults, "refuse_status", 403, None)


def venue_refuses(system: "SimulatedSystem") -> Callable[[], None]:
    reset_all(system)
    return _set(system.venue.host, "refuses", True, False)


def venue_swallows(system: "SimulatedSystem") -> Callable[[], None]:
    reset(system)
    return _set(system.venue.host, "swallows", True, False)


def venue_is_slow(system: "SimulatedSystem") -> Callable[[], None]:
    return _set(system.venue.host, "slowness_s", system.rng.uniform(0.1, 1.5), 0.0)


def fragments(system: "SimulatedSystem") -> Callable[[], None]:
    return _set(system.venue, "is_fragmenting", True, False)


# What it says.


def _spray(
    system: "SimulatedSystem", say: Callable[["SimulatedSystem", Conn, str], None]
) -> Callable[[], None]:
    """Let it *say* something of some symbol to a connection again and again."""
    is_over = False

    def again() -> None:
        conn = _a_conn(system)
        told = sorted(filter(system.venue.is_trading, conn.symbols)) if conn else []
        if conn is not None and told:
            say(system, conn, system.rng.choice(told))
        if not is_over:
            system.agenda.after(system.rng.uniform(0.0, SPRAY_S), again)

    def end() -> None:
        nonlocal is_over
        is_over = True

    again()
    return end


def older(system: "SimulatedSystem") -> Callable[[], None]:
    def say(system: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        last = system.venue.listings[symbol].last
        if last is not None:
            old_ms = round(system.venue.now_ms()) - last.ts
            conn.deliver(system.venue.make(symbol, late_ms=old_ms + system.rng.randint(1, 20_000)))

    return _spray(system, say)


def duplicates(system: "SimulatedSystem") -> Callable[[], None]:
    def say(system: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        news = [m for m in system.venue.news[symbol][-3:] if conn in m.conns and not m.is_late]
        if news and news[-1].frame["type"] == "snapshot":
            conn.deliver(news[-1])

    return _spray(system, say)


def times_ahead(system: "SimulatedSystem") -> Callable[[], None]:
    def say(system: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        conn.deliver(system.venue.make(symbol, late_ms=-HOUR_MS))

    return _spray(system, say)


def times_behind(system: "SimulatedSystem") -> Callable[[], None]:
    def say(system: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        conn.deliver(system.venue.make(symbol, late_ms=HOUR_MS))

    return _spray(system, say)


def deltas(system: "SimulatedSystem") -> Callable[[], None]:
    return _spray(system, lambda system, conn, symbol: conn.deliver_delta(symbol))


def baseless_deltas(system: "SimulatedSystem") -> Callable[[], None]:
    """Of a symbol that this connection has never delivered, and will not."""

    def say(system: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        others = [x.symbol for x in system.venue.trading() if not conn.has_told(x.symbol)]
        if others:
            message = system.venue.make(system.rng.choice(others), late_ms=-1)
            message.frame["type"] = "delta"
            message.is_sound = False
            conn.deliver(message)

    return _spray(system, say)


def garbage(system: "SimulatedSystem") -> Callable[[], None]:
    def say(system: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        message = system.venue.make(symbol, late_ms=-1)
        message.is_sound = False
        message.payload = _spoilt(system.rng, message)
        conn.deliver(message)

    return _spray(system, say)


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


def bad_numbers(system: "SimulatedSystem") -> Callable[[], None]:
    def say(system: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        message = system.venue.make(symbol)
        bad = system.rng.sample(("vega", "theta", "gamma", "askSize"), 2)
        texts = system.rng.choices(("NaN", "1e999", "0x10", "1,5", "9" * 40, " 1"), k=2)
        odd = message.whole | dict(zip(bad, texts, strict=True))
        message.payload = orjson.dumps(message.frame | {"data": odd})
        for name in bad:
            message.whole[name] = ""
        for each in system.venue.subscribers(symbol):
            each.deliver(message)

    return _spray(system, say)


def strangers(system: "SimulatedSystem") -> Callable[[], None]:
    def say(system: "SimulatedSystem", conn: Conn, symbol: str) -> None:
        names = ("BTC-25DEC37-1-C-USDT", "DOT-25DEC37-1-C-USDT", "BTC-PERP", "BTC-1JAN20-9-P")
        name = system.rng.choice(names)
        message = system.venue.make(name)
        message.is_sound = name == names[0]
        conn.deliver(message)

    return _spray(system, say)


# What it lists.


def expiry(system: "SimulatedSystem") -> None:
    for symbol in _some(system, 3):
        listing = system.venue.listings[symbol]
        listing.expiry_ms = min(listing.expiry_ms, system.venue.now_ms() + 3000)


def delisting(system: "SimulatedSystem") -> None:
    for symbol in _some(system, 2):
        system.venue.listings[symbol].is_listed = False


def listing(system: "SimulatedSystem") -> None:
    for _ in range(system.rng.randint(1, 4)):
        strike = 1000 + len(system.venue.listings)
        system.venue.list_option(f"BTC-25DEC37-{strike}-P-USDT", 30)


def _rest(system: "SimulatedSystem", answer: Callable[[str], HttpResponse]) -> Callable[[], None]:
    return _set(system.venue, "rest_fails", answer, None)


def rest_is_down(system: "SimulatedSystem") -> Callable[[], None]:
    def fail(path: str) -> HttpResponse:
        raise ConnectionLost("nobody is there")

    return _rest(system, fail)


def rest_fails(system: "SimulatedSystem") -> Callable[[], None]:
    status, body = system.rng.choice(((500, b""), (200, b"<html>"), (404, b""), (200, b"[]")))
    return _rest(system, lambda path: HttpResponse(status, {}, body))


def rest_lists_nothing(system: "SimulatedSystem") -> Callable[[], None]:
    body = {"retCode": 0, "result": {"list": [], "nextPageCursor": ""}}

    def answer(path: str) -> HttpResponse:
        return HttpResponse(200, {}, orjson.dumps({**body, "time": round(system.venue.now_ms())}))

    return _rest(system, answer)


# Redis.


def _hang_up(host: Host) -> None:
    for wire in list(host.wires):
        wire.reset()


def redis_resets(system: "SimulatedSystem") -> None:
    _hang_up(system.redis.host)


def redis_cut_in_a_reply(system: "SimulatedSystem") -> None:
    for wire in list(system.redis.host.wires):
        wire.cut_after = system.rng.randrange(1, 300)


def redis_refuses(system: "SimulatedSystem") -> Callable[[], None]:
    _hang_up(system.redis.host)
    return _set(system.redis.host, "refuses", True, False)


def redis_black_hole(system: "SimulatedSystem") -> Callable[[], None]:
    for wire in system.redis.host.wires:
        wire.is_black = True
    return _set(system.redis.host, "swallows", True, False)


def redis_hangs(system: "SimulatedSystem") -> Callable[[], None]:
    system.redis.is_hung = True
    return system.redis.thaw


def redis_is_slow(system: "SimulatedSystem") -> Callable[[], None]:
    return _set(system.redis.host, "slowness_s", system.rng.uniform(0.05, 1.0), 0.0)


def redis_restarts_empty(system: "SimulatedSystem") -> Callable[[], None]:
    system.redis.restart({}, {})
    return _set(system.redis.host, "refuses", True, False)


def redis_forgets_writes(system: "SimulatedSystem") -> Callable[[], None]:
    """It acknowledges writes that it does not have after its restart."""
    held = system.redis.backup()
    return lambda: system.redis.restart(*held)


def redis_is_flushed(system: "SimulatedSystem") -> None:
    system.redis.lose(list(system.redis.keys))


def redis_evicts(system: "SimulatedSystem") -> None:
    names = sorted(system.redis.keys)
    system.redis.lose(system.rng.sample(names, system.rng.randint(0, len(names)) // 2))


def redis_refuses_commands(system: "SimulatedSystem") -> Callable[[], None]:
    return _set(system.redis, "refusal", system.rng.choice(REFUSALS) + " of the model", "")


def keys_of_another_program(system: "SimulatedSystem") -> Callable[[], None]:
    for symbol in _some(system, 3):
        system.redis.keys[f"option:{symbol}"] = FOREIGN

    def end() -> None:
        names = [name for name, value in system.redis.keys.items() if value == FOREIGN]
        if names:
            system.redis.lose(names)

    system.at_last.append(end)  # a restart may bring them back
    return end


def subscribers(system: "SimulatedSystem") -> Callable[[], None]:
    return _set(system.redis, "subscribers", 1, 0)


def usurper(system: "SimulatedSystem") -> None:
    """The process is stopped for longer than its lease lasts; another takes over, and dies."""
    for attempt in range(1, 30):
        system.agenda.after(attempt / 5, system.usurp)
    system.agenda.run_until(system.agenda.now + 6.0)


# The process.


def stall(system: "SimulatedSystem") -> None:
    """The process is stopped; the world goes on."""
    system.agenda.run_until(system.agenda.now + system.rng.uniform(0.3, 9.0))


def wall_clock_steps(system: "SimulatedSystem") -> Callable[[], None]:
    step_ms = system.rng.choice((-1, 1)) * 10 * 60_000
    return _set(system, "wall_offset_ms", step_ms, 0)


def kill(system: "SimulatedSystem") -> None:
    system.kill()


def stop(system: "SimulatedSystem") -> None:
    if system.collector is not None:
        system.collector.stop.set()


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
