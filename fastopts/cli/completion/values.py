"""Values of options and arguments, by the name of the parameter in all commands."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, get_args, get_origin

from fastopts.config import KNOWN_COINS
from fastopts.errors import WrongVenue
from fastopts.field_registry import FIELDS

__all__ = ("BY_NAME", "of")

TIMEOUT_S: Final = 1.0  # a person waits at the Tab key

# The text before the cursor and the tokens so far, by the name of their parameter.
Source = Callable[[str, Mapping[str, str]], Iterable[str]]


def of(name: str, kind: Any, typed: str, used: Mapping[str, str]) -> Iterable[str]:
    """The values of the parameter *name* of type *kind*; none if any text may be right.

    *typed* is the text so far, *used* are the texts of other parameters. Assets, expiries and
    symbols are read from Redis, which may raise FastoptsError.
    """
    element = get_args(kind)[0] if get_origin(kind) is list else kind
    if get_origin(element) is Literal:
        return [str(value) for value in get_args(element)]
    source = BY_NAME.get(name)
    return () if source is None else source(typed, used)


def _assets(typed: str, used: Mapping[str, str]) -> Iterable[str]:
    return _read(used, lambda reader: reader.feed().assets)


def _expiries(typed: str, used: Mapping[str, str]) -> Iterable[str]:
    asset = used.get("asset") or used.get("names")
    if asset is None:
        return ["front"]
    labels = _read(used, lambda reader: [series.label for series in reader.expiries(asset)])
    return dict.fromkeys(["front", *labels])


def _symbols(typed: str, used: Mapping[str, str]) -> Iterable[str]:
    """Assets, and behind the dash of one its symbols: not two thousand at once."""
    asset, dash, _ = typed.upper().partition("-")
    if not dash:
        return _assets(typed, used)
    return _read(used, lambda reader: [each.symbol for each in reader.instruments(asset)])


def _fields(typed: str, used: Mapping[str, str]) -> Iterable[str]:
    return FIELDS


def _sort_fields(typed: str, used: Mapping[str, str]) -> Iterable[str]:
    return [f"-{name}" for name in FIELDS] if typed.startswith("-") else FIELDS


def _in_list(choices: Iterable[str]) -> Source:
    """The last part of a list that is separated by commas."""

    def source(typed: str, used: Mapping[str, str]) -> Iterable[str]:
        before, comma, _ = typed.rpartition(",")
        used_names = before.upper().split(",")
        return [f"{before}{comma}{each}" for each in choices if each.upper() not in used_names]

    return source


def _fixed(*choices: str) -> Source:
    return lambda typed, used: choices


BY_NAME: Final[Mapping[str, Source]] = {
    "asset": _assets,
    "expiry": _expiries,
    "symbols": _symbols,
    "names": _symbols,
    "settle": _fixed("USDT", "USDC"),
    "type": _fixed("call", "put"),
    "venue": _fixed("bybit", "bybit-testnet", "sim"),
    "log_format": _fixed("text", "json"),
    "coins": _in_list(KNOWN_COINS),
    "columns": _in_list(FIELDS),
    "field": _fields,
    "sort": _sort_fields,
}


def _read(used: Mapping[str, str], query: Callable[[Any], Iterable[str]]) -> Iterable[str]:
    """The answer to *query* of the Redis that a command with these tokens would read."""
    # only for what Redis knows: these take a fifth of a second to import
    from fastopts.cli import options
    from fastopts.reader import OptionReader

    location = options.locate(used.get("redis_url"), used.get("venue"))

    def ask(venue: str) -> Iterable[str]:
        with OptionReader(
            location.url, venue, password=location.password, timeout_s=TIMEOUT_S
        ) as reader:
            return query(reader)

    try:
        return ask(location.venue)
    except WrongVenue as error:
        # names are no prices: --venue may follow at the end of the line
        return ask(error.held)
