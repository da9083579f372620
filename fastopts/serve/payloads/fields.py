"""Payload of `GET /v1/fields`: the field registry as JSON, for clients that draw tables and forms.

The shape is ``{"schema": 2, "options": [...], "series": [...], "display_rules": {...}}``, with the
fields in the order in which a table shows them. Each entry of `options` and `series` has:

    name      the name of the value in rows; of a time "expiry_ms", with `form` "time"
    form      text, time (ms since 1970), flag (boolean), count (integer) or number
    unit      "quote coin", "base coin", "fraction", "days", ...; "" for none
    meaning   one phrase for tooltips, without the unit
    heading   of a table column: "Bid IV"
    brief     the same where space is short: "OI"
    display   how to write the value: text, time, flag, duration, compact (5.01M), number
              (5 significant digits), or a name in `display_rules`
    column_unit  what the heading adds: "vol", "%/y", "base coin" or "quote coin" for a coin, or ""
    short     the field of the hash option:SYMBOL, or null
    formula   the expression that derives it from other fields, or null
    only_if   the condition without which the formula has no value, or null
    exported  whether it is a column of the export schema
    sortable  whether a scan sorts by it (by its name without `_ms`)
    bounds    the bounds of a scan on it: ["min_iv", "max_iv"]
    low, high least and greatest value that a bound can have, null for no limit

`display_rules` maps a display to its decimals and unit, as `DisplayRule` of the registry has them.
"""

import math
from dataclasses import asdict
from typing import Any

from fastopts.field_registry import (
    COLUMNS,
    DISPLAY_RULES,
    JSON_FIELDS,
    SCHEMA_VERSION,
    SERIES_FIELDS,
    Field,
)

__all__ = ("fields_payload",)


def fields_payload() -> dict[str, Any]:
    """The field registry, in the shape that the module's docstring describes."""
    return {
        "schema": SCHEMA_VERSION,
        "options": [_entry(field, is_of_option=True) for field in JSON_FIELDS.values()],
        "series": [_entry(field, is_of_option=False) for field in SERIES_FIELDS.values()],
        "display_rules": {name: asdict(rule) for name, rule in DISPLAY_RULES.items()},
    }


def _entry(field: Field, is_of_option: bool) -> dict[str, Any]:
    # a series shares some fields with options, but only options are scanned
    bound = field.bound if is_of_option else None
    return {
        "name": field.json_name,
        "form": field.form,
        "unit": field.unit,
        "meaning": field.meaning.replace("`", ""),
        "heading": field.label,
        "brief": field.brief_label,
        "display": field.display,
        "column_unit": field.column_unit,
        "short": field.short,
        "formula": field.formula,
        "only_if": field.only_if,
        "exported": is_of_option and field.name in COLUMNS,
        "sortable": is_of_option,
        "bounds": list(bound.names) if bound else [],
        "low": _limit(bound.low) if bound else None,
        "high": _limit(bound.high) if bound else None,
    }


def _limit(value: float) -> float | None:
    return value if math.isfinite(value) else None
