"""Numbers and option types as people write them: `90k`, `90,000`, `call`.

One definition for the command line and the parameters of the HTTP API, which get text, and for the
bounds of readers, which get numbers and an option type.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

from fastopts.errors import BadInput
from fastopts.numerals import parse_number
from fastopts.reader.selection.arguments import shown

__all__ = ("OPTION_TYPES", "TYPE_OF_TEXT", "OptionType", "option_type", "parse_number")

OptionType: TypeAlias = Literal["C", "P", "c", "p", "call", "put"]
OPTION_TYPES: Final[tuple[OptionType, ...]] = get_args(OptionType)
# In upper case; in symbols too.
TYPE_OF_TEXT: Final[Mapping[str, Literal["C", "P"]]] = {"C": "C", "CALL": "C", "P": "P", "PUT": "P"}


def option_type(value: Any) -> Literal["C", "P"]:
    """Return C or P for `C`, `call`, `P` or `put`, in any case. Raises BadInput."""
    kind = TYPE_OF_TEXT.get(value.strip().upper()) if isinstance(value, str) else None
    if kind is None:
        fault = f"type: {shown(value)} is neither call nor put"
        raise BadInput(f"{fault}: write C or P", arguments=("type",))
    return kind
