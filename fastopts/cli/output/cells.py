"""Values of an option as text, formatted as the field registry says."""

from datetime import datetime
from typing import Final

from fastopts.cli.output import numbers, printing
from fastopts.cli.output.numbers import Steps
from fastopts.field_registry import FIELDS
from fastopts.reader.objects.option import Option

__all__ = ("UNITS", "cell", "heading", "is_text")

UNITS: Final = {
    **{field.name: field.unit for field in FIELDS.values()},
    "expiry_ms": "ms since 1970, UTC",
}


def cell(option: Option, name: str, steps: Steps | None = None, is_detail: bool = False) -> str:
    """Format the value *name* of *option* as the field registry says; `-` for None.

    *steps* are those of its series, by default its own. *is_detail* adds the decimals of a view of
    a single option.
    """
    value = getattr(option, name)
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return printing.utc(round(value.timestamp() * 1000))
        case float():
            steps = steps or Steps.of_option(option)
            return numbers.formatted(value, FIELDS[name].display, steps, is_detail)
    return str(value)


def heading(name: str) -> str:
    """The heading of the column *name*, as text in a terminal: `bid IV`, `age`."""
    label = FIELDS[name].label
    # an acronym keeps its capitals
    return label if label[:2].isupper() else f"{label[0].lower()}{label[1:]}"


def is_text(name: str) -> bool:
    """Whether the column *name* holds text, times or flags, which are aligned left."""
    return name in FIELDS and FIELDS[name].form in ("text", "time", "flag")
