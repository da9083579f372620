"""A synthetic options market and its ticker frames, rendered once and stamped when they are sent.

Values follow Black-76 closely enough that texts have the lengths and the rate of change of real
ones, as in the simulator: index, mark, forward and greeks change with every tick, IVs with about
half of them, quotes with some, volumes with few.
"""

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

__all__ = ("PATH", "Reel", "SyntheticOption", "contracts", "render", "tickers")

PATH = "/v5/public/option"
IV_NOISE = 6e-5  # from tick to tick: changes the fourth decimal of about half of the ticks
# Eight expiries: 2,000 options then have a chain of 100, which the reader's bench needs.
DAYS = (30, 37, 44, 58, 93, 128, 184, 275)


@dataclass(frozen=True, slots=True)
class CoinProfile:
    """Terms of one coin's options and their share of the market."""

    share: float  # of all options
    spot: float
    step: float  # between strikes
    tick: str
    lot: str
    digits: int  # decimals of a quote


COINS = {
    "BTC": CoinProfile(0.40, 88214.5, 1000.0, "5", "0.01", 0),
    "ETH": CoinProfile(0.36, 2890.4, 50.0, "0.1", "0.1", 1),
    "SOL": CoinProfile(0.16, 131.7, 2.5, "0.01", "1", 2),
    "XRP": CoinProfile(0.08, 2.114, 0.05, "0.0001", "10", 4),
}
# The venue's order of the fields: a parser may rely on finding them where they were before.
ORDER = (
    *("symbol", "bidPrice", "bidSize", "bidIv", "askPrice", "askSize", "askIv", "lastPrice"),
    *("highPrice24h", "lowPrice24h", "markPrice", "indexPrice", "markPriceIv", "underlyingPrice"),
    *("openInterest", "turnover24h", "volume24h", "totalVolume", "totalTurnover", "delta"),
    *("gamma", "vega", "theta", "predictedDeliveryPrice", "change24h"),
)


@dataclass(frozen=True, slots=True)
class SyntheticOption:
    """A listed option; *kind* is C or P."""

    symbol: str
    coin: str
    expiry_ms: int
    years: float  # to expiry
    strike: float
    kind: str


def contracts(count: int, now: datetime) -> list[SyntheticOption]:
    """Return *count* options of four coins, none near its expiry."""
    options: list[SyntheticOption] = []
    for name, coin in COINS.items():
        is_last = name == list(COINS)[-1]
        coin_count = count - len(options) if is_last else round(count * coin.share)
        options += _of_coin(name, coin, coin_count, now)
    return options


def _of_coin(name: str, coin: CoinProfile, count: int, now: datetime) -> list[SyntheticOption]:
    strikes = math.ceil(count / len(DAYS) / 2)
    lowest = max(1, round(coin.spot / coin.step) - strikes // 2)
    today = now.astimezone(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    options: list[SyntheticOption] = []
    for days in DAYS:
        expiry = today + timedelta(days=days)
        date = expiry.strftime("%d%b%y").upper().lstrip("0")
        expiry_ms = int(expiry.timestamp() * 1000)
        for number in range(lowest, lowest + strikes):
            strike = round(number * coin.step, 4)
            for kind in "CP":
                symbol = f"{name}-{date}-{strike:g}-{kind}-USDT"
                options.append(SyntheticOption(symbol, name, expiry_ms, days / 365, strike, kind))
    return options[:count]


def tickers(listed: list[SyntheticOption], versions: int, seed: int) -> list[list[dict[str, str]]]:
    """Return *versions* successive states of the market, each with one row per contract."""
    rng = random.Random(seed)
    spots = {name: coin.spot for name, coin in COINS.items()}
    states: list[list[dict[str, str]]] = []
    for _ in range(versions):
        spots = {name: spot * math.exp(rng.gauss(0, 2e-4)) for name, spot in spots.items()}
        before = states[-1] if states else [None] * len(listed)
        states.append(
            [_row(c, spots[c.coin], rng, row) for c, row in zip(listed, before, strict=True)]
        )
    return states


def _row(
    contract: SyntheticOption, spot: float, rng: random.Random, before: dict[str, str] | None
) -> dict[str, str]:
    forward = spot * (1 + 0.04 * contract.years)
    iv = 0.48 + 0.1 * math.log(contract.strike / forward) ** 2 + rng.gauss(0, IV_NOISE)
    price, delta, gamma, vega, theta = _black(contract, forward, iv)
    digits = COINS[contract.coin].digits
    row = before or _rare(price, spot, digits, rng)
    row = row | {
        "markPrice": _text(price, 8),
        "indexPrice": _text(spot, 8),
        "markPriceIv": _text(iv, 4),
        "underlyingPrice": _text(forward, 8),
        "delta": _text(delta, 8),
        "gamma": _text(gamma, 8),
        "vega": _text(vega, 8),
        "theta": _text(theta, 8),
        "bidIv": _text(iv - 0.005, 4),
        "askIv": _text(iv + 0.005, 4),
    }
    if before is None or rng.random() < 0.3:
        row["bidPrice"] = _text(price * 0.99, digits)
        row["askPrice"] = _text(price * 1.01, digits)
        row["bidSize"] = _text(rng.uniform(0.1, 60), 1)
        row["askSize"] = _text(rng.uniform(0.1, 60), 1)
    if before is not None and rng.random() < 0.03:
        row |= _rare(price, spot, digits, rng)
    row["symbol"] = contract.symbol
    return {name: row[name] for name in ORDER}


def _rare(price: float, spot: float, digits: int, rng: random.Random) -> dict[str, str]:
    """The fields that change only with a trade."""
    traded = rng.uniform(0.1, 80)
    return {
        "lastPrice": _text(price, digits),
        "highPrice24h": _text(price * 1.3, digits),
        "lowPrice24h": _text(price * 0.8, digits),
        "openInterest": _text(rng.uniform(1, 900), 1),
        "turnover24h": _text(traded * spot, 4),
        "volume24h": _text(traded, 2),
        "totalVolume": _text(traded * 8, 0),
        "totalTurnover": _text(traded * 8 * spot, 0),
        "predictedDeliveryPrice": "0",
        "change24h": _text(rng.uniform(-0.5, 0.5), 8),
    }


def _black(contract: SyntheticOption, forward: float, iv: float) -> tuple[float, ...]:
    """Black-76 without interest: price, delta, gamma, vega per vol point, theta per day."""
    root = iv * math.sqrt(contract.years)
    d1 = math.log(forward / contract.strike) / root + root / 2
    above, within = _normal(d1), _normal(d1 - root)
    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    call = forward * above - contract.strike * within
    is_call = contract.kind == "C"
    return (
        call if is_call else call - forward + contract.strike,
        above if is_call else above - 1,
        density / (forward * root),
        forward * density * math.sqrt(contract.years) / 100,
        -forward * density * iv / (2 * math.sqrt(contract.years)) / 365,
    )


def _normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _text(value: float, digits: int) -> str:
    """Decimal text as the venue writes it: no trailing zeros."""
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if digits else text
    return "0" if text == "-0" else text


@dataclass(frozen=True, slots=True)
class Rendered:
    """One text frame and the offsets of its two stamps: `ts`, and the end of `id`."""

    frame: bytes
    ts_at: int
    id_at: int


TS_SIZE = 13
SEQUENCE_SIZE = 10


def render(row: dict[str, str]) -> Rendered:
    """Encode *row* as an unmasked text frame, with the venue's key order of 2026."""
    # Fixed widths of the stamps: every send overwrites them in place, without another encoding.
    topic = f"tickers.{row['symbol']}"
    head = f'{{"topic":"{topic}","ts":'.encode()
    middle = f',"type":"snapshot","id":"{topic}-'.encode()
    stamps = b"1" * TS_SIZE, b"1" * SEQUENCE_SIZE + b"-" + b"1" * TS_SIZE
    payload = head + stamps[0] + middle + stamps[1] + b'","data":' + orjson.dumps(row) + b"}"
    header = b"\x81\x7e" + len(payload).to_bytes(2, "big")
    ts_at = len(header) + len(head)
    return Rendered(header + payload, ts_at, ts_at + TS_SIZE + len(middle))


class Reel:
    """The frames of one connection: all versions of all its symbols, in an endless loop.

    A round is one version of each symbol. The frames of a version are in one buffer, so that a run
    of them is sent by one write. A symbol's snapshot counts as the round before the first.
    """

    def __init__(self, versions: int) -> None:
        self.symbols: list[str] = []
        self._buffers = [bytearray() for _ in range(versions)]
        self._starts: list[list[int]] = [[0] for _ in range(versions)]
        self._stamps: list[list[tuple[slice, slice]]] = [[] for _ in range(versions)]
        self.at = 0  # the next frame's index in its round
        self._version = 0
        self._sequence = 10 ** (SEQUENCE_SIZE - 1)
        self._ts = self._ts_before = 0

    def __len__(self) -> int:
        return len(self.symbols)

    def add(self, symbol: str, versions: list[Rendered]) -> None:
        """Append *symbol*; all views returned by `take` must have been released."""
        # Growing a buffer with a view of it raises BufferError.
        self.symbols.append(symbol)
        for number, rendered in enumerate(versions):
            start = self._starts[number][-1]
            ts_at, id_at = start + rendered.ts_at, start + rendered.id_at
            id_end = id_at + SEQUENCE_SIZE + 1 + TS_SIZE
            self._stamps[number].append((slice(ts_at, ts_at + TS_SIZE), slice(id_at, id_end)))
            self._buffers[number] += rendered.frame
            self._starts[number].append(len(self._buffers[number]))

    def snapshot(self, index: int, now_ms: int) -> bytes:
        """Return the frame that follows a subscription."""
        self._ts = self._ts_before = max(now_ms, self._ts)
        version = self._version_last_sent(index)
        self._stamp(version, index, index + 1, self._ts)
        return self._frame(version, index)

    def take(self, count: int, now_ms: int) -> tuple[memoryview, int]:
        """Stamp the next *count* frames, or the rest of the round; return them and their number.

        Times are *now_ms*, but increase from round to round in any case.
        """
        # Otherwise the collector would reject a tick as not newer than the one before.
        if self.at == len(self):
            self.at, self._version = 0, (self._version + 1) % len(self._buffers)
            self._ts_before = self._ts
        self._ts = max(now_ms, self._ts, self._ts_before + 1)
        start, stop = self.at, min(self.at + count, len(self))
        self._stamp(self._version, start, stop, self._ts)
        self.at = stop
        starts = self._starts[self._version]
        view = memoryview(self._buffers[self._version])
        return view[starts[start] : starts[stop]], stop - start

    def last(self) -> dict[str, bytes]:
        """Return the last payload sent for each symbol."""
        return {
            symbol: self._frame(self._version_last_sent(index), index)[4:]
            for index, symbol in enumerate(self.symbols)
        }

    def versions(self) -> dict[str, int]:
        """Return the last version sent of each symbol; -1 is the last one of a reel."""
        return {symbol: self._version_last_sent(i) for i, symbol in enumerate(self.symbols)}

    def _version_last_sent(self, index: int) -> int:
        return self._version - (index >= self.at)

    def _stamp(self, version: int, start: int, stop: int, ts: int) -> None:
        self._sequence += 1
        ts_text = b"%d" % ts
        id_text = b"%d-%d" % (self._sequence, ts)
        buffer = self._buffers[version]
        for ts_slice, id_slice in self._stamps[version][start:stop]:
            buffer[ts_slice] = ts_text
            buffer[id_slice] = id_text

    def _frame(self, version: int, index: int) -> bytes:
        starts = self._starts[version]
        return bytes(self._buffers[version][starts[index] : starts[index + 1]])
