"""An option's values by name, as people read them."""

from datetime import datetime
from typing import Final

from fastopts.cli.output import printing
from fastopts.reader.export import as_dict
from fastopts.reader.objects.option import Option
from fastopts.vocabulary import VOCABULARY

__all__ = ("UNITS", "cell", "is_text")

UNITS: Final = {
    **{word.name: word.unit for word in VOCABULARY.values()},
    **as_dict.DERIVED,
    "expiry_ms": "ms since 1970, UTC",
}


def cell(option: Option, name: str) -> str:
    """The value *name* of *option* as people read it: fractions in per cent, `-` for None."""
    value = getattr(option, name)
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return printing.utc(round(value.timestamp() * 1000))
        case float() if name == "age_s":
            return printing.duration(value)
        case float() if UNITS[name] == "fraction":
            return printing.percent(value)
        case float() if name in ("delta", "dte"):
            return f"{value:.2f}"
        case float() if UNITS[name] == "quote coin" and name != "strike":
            return printing.price(value, option.forward)
        case float():
            return printing.number(value)
    return str(value)


def is_text(name: str) -> bool:
    """Whether the values of *name* are words, and not numbers."""
    return name in VOCABULARY and VOCABULARY[name].form in ("text", "time", "flag")
