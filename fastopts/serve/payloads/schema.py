"""The OpenAPI document's words for what is told: the vocabulary's."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastopts.field_registry import FIELDS
from fastopts.serve.payloads import rows

__all__ = ("COMPONENTS", "responses")

Schema = dict[str, Any]

_NEVER_NULL: Final = ("strike", "dte", "age_s")


def _number(words: str = "") -> Schema:
    return {"type": ["number", "null"], "description": words}


def _plain(kind: str, words: str = "") -> Schema:
    return {"type": kind, "description": words}


def _object(properties: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }


def _list(of: str | Schema) -> Schema:
    return {"type": "array", "items": _ref(of) if isinstance(of, str) else of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _both(*parts: str | Schema) -> Schema:
    return {"allOf": [_ref(one) if isinstance(one, str) else one for one in parts]}


def _field(name: str) -> Schema:
    """The schema of a row's field."""
    if name == "reason":
        return {"type": ["string", "null"], "description": "why it is not live: FeedDown, ..."}
    word = FIELDS[name.removesuffix("_ms")]
    match word.form:
        case "time":
            return _plain("integer", f"{word.meaning}: ms since 1970, UTC")
        case "flag":
            return _plain("boolean", str(word))
        case "count":
            return {"type": ["integer", "null"], "description": str(word)}
        case "text" if name == "quote":
            return {"type": ["string", "null"], "description": str(word)}
        case "text":
            return _plain("string", str(word))
    return _plain("number", str(word)) if name in _NEVER_NULL else _number(str(word))


_SERIES: Final = {
    "venue": _plain("string"),
    "asset": _plain("string", "base coin"),
    "expiry_ms": _plain("integer", "delivery: ms since 1970, UTC"),
    "label": _plain("string", "the expiry as symbols spell it: 27MAR26"),
    "settle": _plain("string", "settle coin"),
    "dte": _plain("number", "days to expiry, never below 0"),
    "phase": {"type": "string", "enum": ["trading", "settling", "expired"]},
    "forward": _number("forward of the expiry (quote coin)"),
    "index_price": _number("spot (quote coin)"),
    "basis": _number("forward over index minus 1, a year: a fraction"),
    "atm_iv": _number("mark volatility at the forward: a fraction"),
    "atm_strike": _number("the strike nearest the forward"),
    "straddle": _number("mark prices of call and put at the money together (quote coin)"),
    "risk_reversal": _number("25 delta: IV of the call minus IV of the put, a fraction"),
    "butterfly": _number("25 delta: mean IV of call and put minus `atm_iv`, a fraction"),
    "open_interest": _number("base coin"),
    "volume_24h": _number("base coin"),
    "turnover_24h": _number("notional of the underlying (quote coin)"),
    "live": _plain("integer", "how many of its options are live"),
    "total": _plain("integer", "how many are listed"),
    "oldest_age_s": _number("age of its oldest tick (seconds)"),
}

_CHAIN: Final = {
    "settles": _list(_plain("string")),
    "strikes": _list(
        _object(
            {
                "strike": _plain("number", "quote coin"),
                "atm": _plain("boolean", "nearest the forward"),
                "call": {"oneOf": [_ref("Option"), {"type": "null"}]},
                "put": {"oneOf": [_ref("Option"), {"type": "null"}]},
            }
        )
    ),
    "absent": _list("Absent"),
}

_FEED: Final = {
    "alive": _plain("boolean", "whether something of it can be live"),
    "reason": {"type": ["string", "null"], "description": "why nothing is live"},
    "detail": {"type": ["string", "null"]},
    "assets": _list(_plain("string")),
    "covered": _plain("integer", "symbols that have ticked"),
    "wanted": _plain("integer", "symbols that the collector listens for"),
    "never": _plain("integer", "symbols asked for more than once in vain"),
    "live": _plain("integer", "options that are live"),
    "total": _plain("integer", "options that are listed"),
    "share": _plain("number", "live over total"),
    "age_s_p50": _number("age of what is live, median (seconds)"),
    "age_s_p99": _number("99 % are younger (seconds)"),
    "newest_age_s": _number("age of the newest tick (seconds)"),
    "heartbeat_age_s": _number("seconds since the collector's last heartbeat"),
    "skew_ms": _plain("integer", "the venue's clock minus the Redis server's"),
    "skew_error_ms": {
        "type": ["integer", "null"],
        "description": "how far off skew_ms, and with it every age, may be; null: not known",
    },
    "conns": {
        "type": "object",
        "additionalProperties": _number("seconds since it delivered"),
        "description": "the open connections",
    },
    "lags": {
        "type": "object",
        "additionalProperties": _number("seconds behind the venue"),
        "description": "the open connections; null: not known",
    },
    "muted": _list(_plain("integer")),
    "late": _list(_plain("integer")),
    "messages_s": _number("messages a second that the collector receives"),
    "redis_ms": _number("a round trip to Redis (ms)"),
}

_INSTRUMENT: Final = {
    **{name: _plain("string") for name in ("symbol", "asset", "settle", "quote")},
    "expiry_ms": _plain("integer", "delivery: ms since 1970, UTC"),
    "strike": _plain("number", "quote coin"),
    "strike_text": _plain("string", "as the symbol spells it"),
    "type": {"type": "string", "enum": ["C", "P"]},
    "tick_size": _plain("string", "step of its prices"),
    "lot_size": _plain("string", "step of its quantities"),
    "status": _plain("string", "the venue's word"),
    "launch_ms": _plain("integer", "listed since: ms since 1970, UTC"),
}

_POINT: Final = {
    "symbol": _plain("string"),
    "strike": _plain("number", "quote coin"),
    "log_moneyness": _plain("number", "ln(strike / forward)"),
    "delta": _number("of the option that it is taken from"),
    "mark_iv": _plain("number", "a fraction"),
    "bid_iv": _number("a fraction"),
    "ask_iv": _number("a fraction"),
    "live": _plain("boolean"),
    "age_s": _plain("number", "seconds"),
}

_ACROSS: Final = {
    name: _SERIES[name]
    for name in ("expiry_ms", "label", "settle", "dte", "forward", "atm_iv", "live", "total")
} | {"ivs": _list(_number("mark volatility at the delta of the same place: a fraction"))}

_WANTING: Final = _object({"reason": _plain("string"), "detail": _plain("string")})

COMPONENTS: Final[Mapping[str, Schema]] = {
    "Envelope": _object(
        {
            "venue": _plain("string", "bybit, bybit-testnet, sim or custom:<host>"),
            "simulated": _plain("boolean", "true: not the market"),
            "as_of_ms": _plain("integer", "the venue's clock: ms since 1970, UTC"),
            "epoch": _plain("integer", "the run of the collector"),
        }
    ),
    "Option": _object({name: _field(name) for name in rows.ROW_NAMES}),
    "Absent": _object({name: _plain("string") for name in ("symbol", "reason", "detail")}),
    "Series": _object(_SERIES),
    "Instrument": _object(_INSTRUMENT),
    "SmilePoint": _object(_POINT),
    "Chain": _both("Series", _object(_CHAIN)),
    "OneOption": _both("Envelope", "Option"),
    "Options": _both("Envelope", _object({"options": _list("Option"), "absent": _list("Absent")})),
    "Expiries": _both(
        "Envelope",
        _object(
            {
                "asset": _plain("string"),
                "index_price": _number("quote coin"),
                "expiries": _list("Series"),
            }
        ),
    ),
    "OneChain": _both("Envelope", "Chain"),
    "Chains": _both("Envelope", _object({"asset": _plain("string"), "chains": _list("Chain")})),
    "Instruments": _both("Envelope", _object({"instruments": _list("Instrument")})),
    "Scan": _both(
        "Envelope",
        _object(
            {
                "considered": _plain("integer", "options that the bounds on terms let through"),
                "excluded": {
                    "type": "object",
                    "additionalProperties": _plain("integer"),
                    "description": "how many of them the gate kept out, by reason",
                },
                "options": _list("Option"),
            }
        ),
    ),
    "Smile": _both("Envelope", "Series", _object({"points": _list("SmilePoint")})),
    "Surface": _both(
        "Envelope",
        _object(
            {
                "asset": _plain("string"),
                "deltas": _list({"type": ["number", "string"]}),
                "expiries": _list(_object(_ACROSS)),
            }
        ),
    ),
    "Feed": _both("Envelope", _object(_FEED)),
    "Ready": _object(
        {
            "ready": _plain("boolean"),
            "reasons": _list(_WANTING),
            "live": _plain("integer"),
            "total": _plain("integer"),
            **{n: _FEED[n] for n in ("share", "age_s_p50", "age_s_p99", "newest_age_s")},
        },
    ),
    "Problem": _object(
        {
            "type": _plain("string"),
            "title": _plain("string"),
            "status": _plain("integer"),
            "reason": _plain("string", "the contract's word: FeedDown, Unknown, BadInput, ..."),
            "detail": _plain("string"),
        }
    ),
}


def responses(name: str, *statuses: int, has_csv: bool = True) -> dict[int | str, dict[str, Any]]:
    """Return the responses of a route with the component *name*.

    *statuses* are those of its problems besides the ones that every route has.
    """
    content: dict[str, Any] = {"application/json": {"schema": _ref(name)}}
    if has_csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    problem = {"application/problem+json": {"schema": _ref("Problem")}}
    descriptions = {400: "invalid parameter", 404: "not found", 410: "the option was delivered"}
    all_statuses = (*(400, 401, 403, 404, 421, 429, 502, 503), *statuses)
    return {
        200: {"description": "the current state", "content": content},
        304: {"description": "unchanged since the ETag in If-None-Match"},
        **{
            status: {
                "description": descriptions.get(status) or HTTPStatus(status).phrase,
                "content": problem,
            }
            for status in all_statuses
        },
    }
