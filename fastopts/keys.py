"""Key and channel names in Redis, and how long keys live: a key is spelled nowhere else.

Field names are in `contract`, the layouts of values in `model`.
"""

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
# One channel for each store: the databases of a server share its channels.
UPDATES = "fastopts:updates:"

SCHEMA: Final = "1"  # version of the whole contract; readers refuse any other


def option(symbol: str) -> str:
    """Return the key of the hash with the newest tick, in the venue's own decimal text."""
    return OPTION + symbol


def record(symbol: str) -> str:
    """Return the key of the string with the same tick as one packed record (`model.RECORD`)."""
    return RECORD + symbol


def instrument(symbol: str) -> str:
    """Return the key of the hash with the terms of the contract."""
    return INSTRUMENT + symbol


def asset(asset: str) -> str:
    """Return the key of the set of an asset's listed symbols."""
    return ASSET + asset


def series(asset: str, settle: str, expiry: str) -> str:
    """Return the key of the set of the symbols of one series; *expiry* is YYMMDD."""
    return f"{ASSET}{asset}:{settle}:{expiry}"


def updates(store: str) -> str:
    """Return the pub/sub channel that carries the changed records of *store*."""
    return UPDATES + store


def is_store(text: str) -> bool:
    """Whether *text* is a valid store identity."""
    return _STORE.fullmatch(text) is not None


# What Redis's ACL must allow: each right is needed for a command that is sent. docs/security.md has
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

# The keys of a symbol expire four hours after delivery, or a day after the last renewal: data of a
# collector that died disappears within a day, and no EXPIRE accompanies each tick.
TTL_MIN_S: Final = 60
TTL_MAX_MS: Final = 24 * 3600 * 1000
TTL_AFTER_DELIVERY_MS: Final = 4 * 3600 * 1000
TTL_RENEW_MS: Final = 6 * 3600 * 1000  # renewed at most this often for a symbol

SYMBOL_LENGTH_MAX: Final = 40
COIN_LENGTH_MAX: Final = 8  # the space for a settle coin in a record

_COIN = re.compile(rf"[A-Z0-9]{{1,{COIN_LENGTH_MAX}}}", re.ASCII)
_STORE = re.compile(r"[0-9a-f]{16,32}", re.ASCII)
_SYMBOL = re.compile(rf"[A-Z0-9][A-Z0-9.-]{{0,{SYMBOL_LENGTH_MAX - 1}}}", re.ASCII)


def is_symbol(text: str) -> bool:
    """Whether *text* may become part of a key."""
    return _SYMBOL.fullmatch(text) is not None


def symbols_of(members: Iterable[bytes]) -> set[str]:
    """Return the *members* of a set that may become part of a key; foreign ones are left out."""
    return {name for raw in members if is_symbol(name := raw.decode("ascii", "replace"))}


def is_coin(text: str) -> bool:
    """Whether *text* is a valid coin in a key or a record."""
    return _COIN.fullmatch(text) is not None


def until_ms(delivery_ms: int, now_ms: int) -> int:
    """Return when a symbol's keys expire: four hours after delivery, at most a day from now."""
    return min(delivery_ms + TTL_AFTER_DELIVERY_MS, now_ms + TTL_MAX_MS)


def ttl_s(end_ms: int, now_ms: int) -> int:
    """Return the seconds until *end_ms* for EXPIRE, at least a minute.

    EXPIRE with a time in the past would delete the key at once.
    """
    return max(TTL_MIN_S, (end_ms - now_ms) // 1000)
