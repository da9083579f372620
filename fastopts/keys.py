"""The names of everything in Redis, and how long it lives: a key is spelled nowhere else."""

import re
from collections.abc import Iterable
from typing import Final

OPTION = "option:"
RECORD = "optrec:"
INSTRUMENT = "instrument:"
ASSET = "options:"
STATS = "stats"
FEED = "fastopts:feed"
LEASE = "fastopts:lease"
UPDATES = "fastopts:updates:"  # a channel for each store: databases share those of their server

SCHEMA: Final = "1"  # of all that; a reader refuses another


def option(symbol: str) -> str:
    """Hash: the newest tick in the venue's own decimal text."""
    return OPTION + symbol


def record(symbol: str) -> str:
    """String: the same tick as one packed record (`model.RECORD`)."""
    return RECORD + symbol


def instrument(symbol: str) -> str:
    """Hash: the terms of the contract."""
    return INSTRUMENT + symbol


def asset(asset: str) -> str:
    """Set: the live symbols of an asset."""
    return ASSET + asset


def series(asset: str, settle: str, expiry: str) -> str:
    """Set: the live symbols of one series; *expiry* is YYMMDD."""
    return f"{ASSET}{asset}:{settle}:{expiry}"


def updates(store: str) -> str:
    """Channel: the records of *store* that changed."""
    return UPDATES + store


def is_store(text: str) -> bool:
    """Whether *text* can be the identity of a store."""
    return _STORE.fullmatch(text) is not None


# What Redis's ACL must allow: each right stands for a command that is sent. docs/security.md has
# both as lines to copy.
_MARKET = f"~{OPTION}* ~{RECORD}* ~{INSTRUMENT}* ~{ASSET}* ~{STATS} ~{FEED}"
WRITER_RIGHTS: Final = (
    f"{_MARKET} ~{LEASE} &{updates('*')} +ping +select +info +time +client|id +client|kill +watch"
    " +unwatch +multi +exec +get +set +del +exists +expire +pexpire +hget +hmget +hkeys +hset"
    " +hdel +sadd +srem +scard +smembers +pubsub|numsub +publish"
)
READER_RIGHTS: Final = (
    f"{_MARKET} &{updates('*')} +ping +select +info +time +mget +exists +hmget +hgetall"
    " +smembers +dbsize +subscribe"
)


TTL_MIN_S: Final = 60
TTL_MAX_MS: Final = 24 * 3600 * 1000
TTL_AFTER_DELIVERY_MS: Final = 4 * 3600 * 1000

_COIN = re.compile(r"[A-Z0-9]{1,8}", re.ASCII)
_STORE = re.compile(r"[0-9a-f]{16,32}", re.ASCII)
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,39}", re.ASCII)


def is_symbol(text: str) -> bool:
    """Whether *text* may become part of a key."""
    return _SYMBOL.fullmatch(text) is not None


def symbols_of(members: Iterable[bytes]) -> set[str]:
    """Those *members* of a set that may become part of a key; the others are no work of ours."""
    return {name for raw in members if is_symbol(name := raw.decode("ascii", "replace"))}


def is_coin(text: str) -> bool:
    """Whether *text* may stand for a coin in a key or a record."""
    return _COIN.fullmatch(text) is not None


def until_ms(delivery_ms: int, now_ms: int) -> int:
    """When the keys of a symbol end: four hours after its delivery, or a day from now."""
    return min(delivery_ms + TTL_AFTER_DELIVERY_MS, now_ms + TTL_MAX_MS)


def ttl_s(end_ms: int, now_ms: int) -> int:
    """The whole seconds to *end_ms*, at least a minute: a time that has passed would delete."""
    return max(TTL_MIN_S, (end_ms - now_ms) // 1000)
