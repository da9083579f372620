"""Values of an option as text, formatted as the field registry says."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from fastopts import number_format
from fastopts.cli.output import printing
from fastopts.cli.output.printing import Column
from fastopts.errors import BadInput
from fastopts.field_registry import FIELDS, Field
from fastopts.number_format import Precision, Steps
from fastopts.reader.export.steps import steps_of_option
from fastopts.reader.objects.option import Option

__all__ = (
    "UNITS",
    "cell",
    "column_heading",
    "common_coin",
    "field_heading",
    "field_names",
    "heading",
    "is_text",
    "option_columns",
)

UNITS: Final = {
    **{field.name: field.unit for field in FIELDS.values()},
    "expiry_ms": "ms since 1970, UTC",
}


def cell(
    option: Option, name: str, steps: Steps | None = None, precision: Precision = "table"
) -> str:
    """Format the value *name* of *option* as the field registry says; `-` for None.

    *steps* are those of its series, by default its own; *precision* is that of
    `number_format.formatted`.
    """
    value = getattr(option, name)
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            # an expiry is a whole minute, a tick has milliseconds
            return printing.utc(round(value.timestamp() * 1000), with_ms=name != "expiry")
        case float():
            steps = steps or steps_of_option(option)
            return number_format.formatted(value, FIELDS[name].display, steps, precision)
    return str(value)


def option_columns(
    options: Sequence[Option],
    names: Iterable[str],
    coins: tuple[str, str],
    kept: Collection[str] = (),
    precision: Precision = "table",
) -> list[Column]:
    """The columns *names* of a row per option, with units in the headings.

    *coins* are those of `column_heading`. Where a line is too short, the last column is dropped
    first, but none of *kept*.
    """
    return [
        Column(
            column_heading(name, *coins),
            [cell(option, name, precision=precision) for option in options],
            0 if name in kept else rank,
            is_text(name),
        )
        for rank, name in enumerate(names)
    ]


def common_coin(coins: Iterable[str | None]) -> str:
    """The coin of all rows; empty where they have different ones."""
    distinct = set(coins)
    return (distinct.pop() or "") if len(distinct) == 1 else ""


def heading(name: str) -> str:
    """The heading of the column *name*, as text in a terminal: `bid IV`, `age`."""
    return _uncapitalised(FIELDS[name].label)


def field_names(text: str) -> list[str]:
    """The field names in *text*, separated by commas: an argument of --columns. Raises BadInput."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in UNITS:
            raise BadInput(f"--columns: unknown column {name!r}; choose {', '.join(UNITS)}")
    return names


def column_heading(name: str, base: str = "", quote: str = "") -> str:
    """The short heading of the column *name* with its unit: `OI BTC`, `spread vol`.

    *base* and *quote* are the coins of all its values; without them `OI base`, `turnover quote`.
    """
    return field_heading(FIELDS[name], base, quote) if name in FIELDS else name


def field_heading(field: Field, base: str = "", quote: str = "") -> str:
    """`column_heading` for a field of a series."""
    return _uncapitalised(field.column_heading(base, quote))


def _uncapitalised(label: str) -> str:
    # an acronym keeps its capitals
    return label if label[:2].isupper() else f"{label[0].lower()}{label[1:]}"


def is_text(name: str) -> bool:
    """Whether the column *name* holds text, times or flags, which are aligned left."""
    return name in FIELDS and FIELDS[name].form in ("text", "time", "flag")
