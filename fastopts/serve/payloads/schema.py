"""OpenAPI component schemas; those of options and series come from the field registry."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastopts.field_registry import JSON_FIELDS, SERIES_FIELDS, Field
from fastopts.serve.payloads import rows

__all__ = ("COMPONENTS", "responses")

Schema = dict[str, Any]

# Read from the record's head or from the terms, so that every option has them.
_NEVER_NULL: Final = ("strike", "dte", "t_years", "age_s", "live", "total")
_PHASES: Final = ["trading", "settling", "expired"]


# OpenAPI 3.1: null is a type, not the `nullable` of 3.0
def _number(description: str = "") -> Schema:
    return {"type": ["number", "null"], "description": description}


def _plain(kind: str, description: str = "") -> Schema:
    return {"type": kind, "description": description}


def _object(properties: Mapping[str, Schema], optional: Iterable[str] = ()) -> Schema:
    # `required` is all properties: a value that is unknown is null, never missing
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }


def _list(of: str | Schema) -> Schema:
    return {"type": "array", "items": _ref(of) if isinstance(of, str) else of}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


# allOf, since OpenAPI has no inheritance: the envelope and the content in one object
def _both(*parts: str | Schema) -> Schema:
    return {"allOf": [_ref(part) if isinstance(part, str) else part for part in parts]}


def _field(field: Field) -> tuple[str, Schema]:
    """The name of a field in rows, and its schema."""
    # OpenAPI descriptions are CommonMark: a backtick is fine there, but not in CSV of the document
    description = str(field).replace("`", "")
    if field.form == "time":
        return field.json_name, _plain("integer", f"{field.meaning}: ms since 1970, UTC")
    if field.name == "phase":
        return field.name, {"type": "string", "enum": _PHASES, "description": description}
    types = {"text": "string", "flag": "boolean", "count": "integer", "number": "number"}
    kind = types[field.form]
    # the terms of an option may be missing in Redis, and with them its quote coin
    is_nullable = field.form in ("count", "number") or field.name == "quote"
    if is_nullable and field.name not in _NEVER_NULL:
        return field.name, {"type": [kind, "null"], "description": description}
    return field.name, _plain(kind, description)


_REASON: Final = {"type": ["string", "null"], "description": "why it is not live: FeedDown, ..."}
_STEPS: Final = {
    "tick_size": _plain("string", "step of prices, as decimal text; empty: unknown"),
    "lot_size": _plain("string", "step of sizes, as decimal text; empty: unknown"),
}
_OPTION: Final = dict(map(_field, JSON_FIELDS.values())) | _STEPS | {"reason": _REASON}
_SERIES: Final = dict(map(_field, SERIES_FIELDS.values()))

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
    "alive": _plain("boolean", "whether values can be live"),
    "reason": {"type": ["string", "null"], "description": "why nothing is live"},
    "detail": {"type": ["string", "null"]},
    "assets": _list(_plain("string")),
    "covered": _plain("integer", "symbols that have ticked"),
    "wanted": _plain("integer", "symbols that the collector subscribes to"),
    "never": _plain("integer", "symbols subscribed to more than once without any tick"),
    "live": _plain("integer", "options that are live"),
    "total": _plain("integer", "options that are listed"),
    "share": _plain("number", "live over total"),
    "age_s_p50": _number("median age of live values (seconds)"),
    "age_s_p99": _number("99th percentile of the age of live values (seconds)"),
    "newest_age_s": _number("age of the newest tick (seconds)"),
    "heartbeat_age_s": _number("seconds since the collector's last heartbeat"),
    "skew_ms": _plain("integer", "the venue's clock minus the Redis server's"),
    "skew_error_ms": {
        "type": ["integer", "null"],
        "description": "error bound of skew_ms, and with it of every age; null: unknown",
    },
    "conns": {
        "type": "object",
        "additionalProperties": _number("seconds since it delivered a message"),
        "description": "the open connections",
    },
    "lags": {
        "type": "object",
        "additionalProperties": _number("seconds behind the venue"),
        "description": "the open connections; null: unknown",
    },
    "muted": _list(_plain("integer")),
    "late": _list(_plain("integer")),
    "messages_s": _number("messages that the collector receives per second"),
    "redis_ms": _number("round trip to Redis (ms)"),
}

_INSTRUMENT: Final = {
    **{name: _plain("string") for name in ("symbol", "asset", "settle", "quote")},
    "expiry_ms": _plain("integer", "delivery: ms since 1970, UTC"),
    "strike": _plain("number", "quote coin"),
    "strike_text": _plain("string", "as the symbol spells it"),
    "type": {"type": "string", "enum": ["C", "P"]},
    **_STEPS,
    "status": _plain("string", "the venue's status"),
    "launch_ms": _plain("integer", "listed since: ms since 1970, UTC"),
}

_POINT_FIELDS: Final = (
    *("symbol", "strike", "type", "log_moneyness", "delta", "mark_iv", "bid_iv", "ask_iv"),
    *("live", "ts_ms", "age_s"),
)
# a strike without a mark volatility is no point, and without a forward there is no smile
_POINT: Final = {name: _OPTION[name] for name in _POINT_FIELDS} | {
    name: {**_OPTION[name], "type": "number"} for name in ("log_moneyness", "mark_iv")
}

_SURFACE_ROW: Final = {
    name: _SERIES[name]
    for name in ("expiry_ms", "label", "settle", "dte", "forward", "atm_iv", "live", "total")
} | {"ivs": _list(_number("mark volatility at the delta of the same index: a fraction"))}

_NOT_READY_REASON: Final = _object({"reason": _plain("string"), "detail": _plain("string")})

_REGISTRY_FIELD: Final = {
    "name": _plain("string", "the name in rows"),
    "form": {"type": "string", "enum": ["text", "time", "flag", "count", "number"]},
    "unit": _plain("string"),
    "meaning": _plain("string"),
    "heading": _plain("string", "of a table column"),
    "brief": _plain("string", "of a narrow table column"),
    "display": _plain(
        "string", "how to write it: a name in display_rules, or compact, number, ..."
    ),
    "column_unit": _plain("string", "what the heading adds: vol, %/y, base coin, quote coin"),
    "short": {"type": ["string", "null"], "description": "its field in the hash option:SYMBOL"},
    "formula": {"type": ["string", "null"], "description": "the expression that derives it"},
    "only_if": {"type": ["string", "null"], "description": "the condition of the formula"},
    "exported": _plain("boolean", "a column of the export schema"),
    "sortable": _plain("boolean", "a scan sorts by it"),
    "bounds": _list(_plain("string")),
    "low": _number("least value of a bound; null: no limit"),
    "high": _number("greatest value of a bound; null: no limit"),
}

_DISPLAY_RULE: Final = {
    "decimals": _plain("integer", "digits after the point, beside those of the step"),
    "detail": _plain("integer", "further ones in the view of a single option"),
    "step": {"type": "string", "enum": ["", "tick", "lot", "strike", "forward"]},
    "is_exact": _plain("boolean", "a value between two steps has all its digits"),
    "factor": _plain("integer", "100: as a percentage"),
    "suffix": _plain("string", "after the number"),
    "is_signed": _plain("boolean", "a plus sign before positive numbers"),
    "unit": _plain("string", "column_unit of its fields"),
}

COMPONENTS: Final[Mapping[str, Schema]] = {
    "Envelope": _object(
        {
            "venue": _plain("string", "bybit, bybit-testnet, sim or custom:<host>"),
            "simulated": _plain("boolean", "true: simulated data, not the market"),
            "as_of_ms": _plain("integer", "the venue's clock: ms since 1970, UTC"),
            "epoch": _plain("integer", "the run of the collector"),
        }
    ),
    "Option": _object({name: _OPTION[name] for name in rows.ROW_NAMES}),
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
                "front": {
                    "type": ["string", "null"],
                    "description": "label of the first expiry that is trading",
                },
                "put_call_open_interest": _number("of all series: puts' sum over calls'"),
                "put_call_volume_24h": _number("of all series: puts' sum over calls'"),
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
                "considered": _plain(
                    "integer",
                    "options whose terms meet the bounds: the sum of matching, out_of_bounds and"
                    " excluded",
                ),
                "matching": _plain("integer", "options that meet all bounds, before the limit"),
                "out_of_bounds": _plain(
                    "integer", "options that pass the gate, and that a bound on values excludes"
                ),
                "excluded": {
                    "type": "object",
                    "additionalProperties": _plain("integer"),
                    "description": "options excluded by the gate, by reason",
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
                "expiries": _list(_object(_SURFACE_ROW)),
            }
        ),
    ),
    "Fields": _object(
        {
            "schema": _plain("integer", "version of the export schema"),
            "options": _list("Field"),
            "series": _list("Field"),
            "display_rules": {
                "type": "object",
                "additionalProperties": _object(_DISPLAY_RULE),
                "description": "how numbers are written, by `display`",
            },
        }
    ),
    "Field": _object(_REGISTRY_FIELD),
    "Index": _object(
        {
            "version": _plain("string", "of fastopts"),
            "documentation": _plain("string", "path of the interactive documentation"),
            "openapi": _plain("string", "path of this document"),
            "routes": _list(
                _object(
                    {
                        "path": _plain("string", "with names of path parameters in braces"),
                        "summary": _plain("string"),
                        "parameters": _list(_plain("string", "name in the query")),
                    }
                )
            ),
        }
    ),
    "Feed": _both("Envelope", _object(_FEED)),
    "Ready": _object(
        {
            "ready": _plain("boolean"),
            "reasons": _list(_NOT_READY_REASON),
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
            "reason": _plain("string", "the error class: FeedDown, Unknown, BadInput, ..."),
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
