"""An option's values by name: as people read them, and as programs do."""

from datetime import datetime
from typing import Any, Final

from fastopts.cli import output
from fastopts.reader.option import Option
from fastopts.vocabulary import COLUMNS, VOCABULARY

__all__ = ("UNITS", "cell", "is_text", "values")

UNITS: Final = {word.name: word.unit for word in VOCABULARY.values()} | {
    "age_s": "seconds",
    "forward": "quote coin",
    "moneyness": "strike over forward",
    "log_moneyness": "",
    "intrinsic": "quote coin",
    "time_value": "quote coin",
    "spread": "quote coin",
    "rel_spread": "fraction",
    "spread_iv": "fraction",
    "spread_ticks": "ticks",
    "expiry_ms": "ms since 1970, UTC",
}
_FLAGS: Final = ("crossed", "locked", "iv_capped", "greeks_ok")


def cell(option: Option, name: str) -> str:
    """The value *name* of *option* as people read it: fractions in per cent, `-` for None."""
    value = getattr(option, name)
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return output.utc(round(value.timestamp() * 1000))
        case float() if name == "age_s":
            return output.duration(value)
        case float() if UNITS[name] == "fraction":
            return output.percent(value)
        case float() if name in ("delta", "dte"):
            return f"{value:.2f}"
        case float() if UNITS[name] == "quote coin" and name != "strike":
            return output.price(value, option.forward)
        case float():
            return output.number(value)
    return str(value)


def is_text(name: str) -> bool:
    """Whether the values of *name* are words, and not numbers."""
    return name in VOCABULARY and VOCABULARY[name].form in ("text", "time", "flag")


def values(option: Option) -> dict[str, Any]:
    """Everything about *option* by name, as JSON tells it: the export schema, then the rest."""
    derived = [name for name in UNITS if name not in VOCABULARY and name != "expiry_ms"]
    return {name: getattr(option, name) for name in (*COLUMNS, *derived, *_FLAGS)}
