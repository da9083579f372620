"""One ticker message -> numbers by index: the twin of `ticker.pyx`, and its general path."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from fastopts import keys

__all__ = (
    "REASONS",
    "TEXT_LENGTH_MAX",
    "Grammar",
    "Rejected",
    "TickerMessage",
    "decimal_text",
    "parse",
    "unknown_names",
)

# Why a message is rejected, in the order of the checks.
REASONS: Final = (
    "not_utf8",
    "not_json",  # also: nested too deeply
    "duplicate_key",  # one of the keys that matter
    "bad_symbol",
    "no_data",
    "symbol_mismatch",  # topic and data name different symbols
    "bad_ts",
    "bad_type",
    "unknown_symbol",  # not in the table, and not valid in the venue's grammar of symbols either
    "delta_without_base",
)

TEXT_LENGTH_MAX: Final = 32  # of a number
UNKNOWN_NAME_LENGTH: Final = 64  # longer names are clipped
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


class Rejected(Exception):
    """The message is not a usable ticker; `reason` is one of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Grammar:
    """How a venue writes tickers: the prefix of their topics and the names of their numbers.

    *fields* maps the venue's field name to an index into `model.NUMBERS`. Twin: `ticker.Grammar`.
    """

    def __init__(self, topic_prefix: str, fields: Mapping[str, int]) -> None:
        self.topic_prefix = topic_prefix
        self.fields = dict(fields)


@dataclass(slots=True)
class TickerMessage:
    """The content of one ticker message; twin: the struct `ticker.TickerMessage`.

    *ts* is the exchange time in ms. *seen* holds the index of every number that the message names,
    *values* the text of those that have a value.
    """

    symbol: str
    ts: int
    sequence: int | None = None
    is_delta: bool = False
    values: dict[int, str] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    bad_fields: int = 0
    unknown_fields: int = 0  # names in the data that the grammar does not have


class _Object(tuple[tuple[str, Any], ...]):
    """A JSON object as pairs: a dict would hide repeated names."""

    __slots__ = ()

    def unique(self, names: Iterable[str]) -> dict[str, Any]:
        """Return the values of *names*. Raises Rejected if one of these occurs twice."""
        known, values = set(names), dict[str, Any]()
        for name, value in self:
            if name in values:
                raise Rejected("duplicate_key")
            if name in known:
                values[name] = value
        return values


class _Number(str):
    """A JSON number as the text that the message has."""

    __slots__ = ()


def _refuse(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser accepts and JSON does not have."""
    raise ValueError(name)


def _load(payload: bytes) -> Any:
    try:
        return json.loads(
            payload.decode(),
            object_pairs_hook=_Object,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_refuse,
        )
    except UnicodeDecodeError:
        raise Rejected("not_utf8") from None
    except (ValueError, RecursionError):
        raise Rejected("not_json") from None


def decimal_text(value: object) -> str | None:
    """Return *value* as decimal text, None unless it is a finite decimal of at most 32 characters.

    Twin: `ticker.scan_number`, which accepts decimals without an exponent.
    """
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX:
        return None
    if not _DECIMAL.fullmatch(value) or not math.isfinite(float(value)):
        return None
    return str(value)


def scan_sequence(id_: object, topic: str) -> int | None:
    """Return the sequence number in an id `{topic}-{sequence}-{ts}`, None for any other form.

    Twin: `ticker.scan_sequence`.
    """
    if not isinstance(id_, str) or not id_.startswith(topic + "-"):
        return None
    parts = id_[len(topic) + 1 :].split("-")
    if len(parts) != 2 or not all(_DIGITS.fullmatch(part) for part in parts):
        return None
    return int(parts[0])


def _is_ticker(frame: object, prefix: str) -> bool:
    return isinstance(frame, _Object) and any(
        name == "topic" and isinstance(value, str) and value.startswith(prefix)
        for name, value in frame
    )


def parse(payload: bytes, grammar: Grammar) -> TickerMessage | None:
    """Parse one text message; None if it is not a ticker.

    A number may be a JSON string or a JSON number. A field that is missing, empty or null is
    absent; one that is not a finite decimal of at most 32 characters is absent and counted in
    `bad_fields`. Raises Rejected if a necessary part (JSON, symbol, time) is unusable.

    Twin: `ticker.scan`, which accepts the usual messages and leaves the others to this function.
    """
    frame = _load(payload)
    if not _is_ticker(frame, grammar.topic_prefix):
        return None
    top = frame.unique(("topic", "ts", "type", "id", "data"))
    topic = top["topic"]
    symbol = topic[len(grammar.topic_prefix) :]
    if not keys.is_symbol(symbol):
        raise Rejected("bad_symbol")
    data = top.get("data")
    if not isinstance(data, _Object):
        raise Rejected("no_data")
    known = data.unique(("symbol", *grammar.fields))
    if known.pop("symbol", symbol) != symbol:
        raise Rejected("symbol_mismatch")
    ts = top.get("ts")
    if not isinstance(ts, str) or not _DIGITS.fullmatch(ts):
        raise Rejected("bad_ts")
    if top.get("type", "snapshot") not in ("snapshot", "delta"):
        raise Rejected("bad_type")

    message = TickerMessage(
        symbol=symbol,
        ts=int(ts),
        sequence=scan_sequence(top.get("id"), topic),
        is_delta=top.get("type") == "delta",
        unknown_fields=len(_unknown(data, grammar)),
    )
    for name, value in known.items():
        index = grammar.fields[name]
        message.seen.add(index)
        text = decimal_text(value)
        if text is not None:
            message.values[index] = text
        elif value not in ("", None):
            message.bad_fields += 1
    return message


def unknown_names(payload: bytes, grammar: Grammar) -> list[str]:
    """Return the names in a ticker's data that the grammar does not have, clipped."""
    [data] = [value for name, value in _load(payload) if name == "data"]
    return [name[:UNKNOWN_NAME_LENGTH] for name in _unknown(data, grammar)]


def _unknown(data: _Object, grammar: Grammar) -> list[str]:
    return [name for name, _ in data if name not in grammar.fields and name != "symbol"]
