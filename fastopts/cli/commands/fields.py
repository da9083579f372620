"""`fastopts fields`: the vocabulary."""

from fastopts.cli.options import Json
from fastopts.cli.output import printing
from fastopts.vocabulary import VOCABULARY

__all__ = ("fields",)


def fields(json: Json = False) -> None:
    """Show every name that a user meets: its field in the hash option:SYMBOL, unit, meaning."""
    if json:
        for word in VOCABULARY.values():
            printing.json_line(word)
        return
    table = printing.table("name", "field", "unit", "meaning")
    for word in VOCABULARY.values():
        table.add_row(word.name, word.short or "", word.unit, word.meaning)
    printing.show(table)
