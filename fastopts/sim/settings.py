"""Settings of a simulated venue, validated on construction."""

import re
from dataclasses import dataclass
from typing import Final, Literal, get_args

from fastopts.errors import ConfigError
from fastopts.sim.prices.coins import COINS

__all__ = ("ArgsMode", "KeyOrder", "SimSettings")

KeyOrder = Literal["2026", "2023", "mixed"]
ArgsMode = Literal["connection", "frame"]

_RANGES: Final[dict[str, tuple[float, float]]] = {
    "port": (0, 65_535),
    "symbols": (2, 20_000),
    "rate": (1, 200_000),
    "ping_timeout_s": (0.01, 3_600),
    "topics_max": (1, 100_000),
    "args_chars_max": (1, 10_000_000),
    "write_buffer_bytes": (1, 1 << 30),
    "delivering_s": (0, 86_400),
}


@dataclass(frozen=True, slots=True)
class SimSettings:
    """Settings of a simulated venue. Raises ConfigError that lists every invalid value."""

    seed: int = 1
    port: int = 0  # 0: any free one
    symbols: int = 2_000  # approximate
    rate: float = 3_000  # ticker messages per second, over all subscribed symbols
    coins: tuple[str, ...] = ("BTC", "ETH", "SOL", "XRP")
    tls: bool = False
    key_order: KeyOrder = "2026"
    ping_timeout_s: float = 30  # without a JSON ping
    topics_max: int = 2_000  # per connection
    args_chars_max: int = 21_000
    args_mode: ArgsMode = "connection"  # scope of the limit on characters
    write_buffer_bytes: int = 4 << 20  # a client that falls further behind is disconnected
    delivering_s: float = 4 * 3_600  # how long an option stays listed after delivery

    def __post_init__(self) -> None:
        faults = [
            f"{name}={getattr(self, name)}: must be from {least:g} to {most:g}"
            for name, (least, most) in _RANGES.items()
            if not least <= getattr(self, name) <= most
        ]
        if not self.coins:
            faults.append("coins: at least one is required")
        faults += [
            f"coins: {name!r} is not simulated; choose from {','.join(COINS)}"
            for name in self.coins
            if name not in COINS
        ]
        if len(set(self.coins)) < len(self.coins):
            faults.append("coins: duplicate name")
        for name, choices in (("key_order", KeyOrder), ("args_mode", ArgsMode)):
            if getattr(self, name) not in get_args(choices):
                faults.append(f"{name}: choose {' or '.join(get_args(choices))}")
        if faults:
            raise ConfigError("; ".join(faults))


def split_coins(text: str) -> tuple[str, ...]:
    """Read `BTC,eth` as ("BTC", "ETH")."""
    return tuple(part.upper() for part in re.split(r"[,\s]+", text) if part)
