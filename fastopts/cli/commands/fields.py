"""`fastopts fields`: the field registry as a table."""

from fastopts.cli.options import JsonOption
from fastopts.cli.output import printing
from fastopts.field_registry import FIELDS

__all__ = ("fields",)


def fields(json: JsonOption = False) -> int:
    """List all fields: the name in the hash option:SYMBOL, the unit, the meaning."""
    if json:
        for field in FIELDS.values():
            printing.json_line(field)
        return 0
    table = printing.table("name", "field", "unit", "meaning")
    for field in FIELDS.values():
        table.add_row(field.name, field.short or "", field.unit, field.meaning)
    printing.show(table)
    return 0
