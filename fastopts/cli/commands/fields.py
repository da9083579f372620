"""`fastopts fields`: the field registry as a table."""

from rich.text import Text

from fastopts.cli.options import JsonOption
from fastopts.cli.output import printing
from fastopts.field_registry import FIELDS

__all__ = ("fields",)

_WIDE = 100  # in fewer characters a column of meanings would have one or two words a line


def fields(json: JsonOption = False) -> int:
    """List all fields: the name in the hash option:SYMBOL, the unit, the meaning."""
    if json:
        for field in FIELDS.values():
            printing.json_line(field)
        return 0
    if printing.width() < _WIDE:
        printing.show(_paragraphs(printing.width()))
        return 0
    table = printing.table("name", "field", "unit", "meaning")
    for field in FIELDS.values():
        table.add_row(field.name, field.short or "", field.unit, field.meaning)
    printing.show(table)
    return 0


def _paragraphs(width: int) -> Text:
    """Each name, with its unit and its name in the hash, above the meaning."""
    lines = []
    for field in FIELDS.values():
        notes = [field.unit, f"hash field {field.short}" if field.short else ""]
        head = Text.assemble((field.name, "bold"), "  ", ", ".join(filter(None, notes)))
        lines += [head, printing.labelled([("", field.meaning)], width)]
    return Text("\n").join(lines)
