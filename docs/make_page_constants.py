"""Writes the dashboard's constants from the server's protocol and the field registry.

python -m docs.make_page_constants
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from fastopts.field_registry import DISPLAY_RULES, FIELDS, SERIES_FIELDS, DisplayRule, Field
from fastopts.reader.objects.universe import USUAL_SETTLE
from fastopts.reader.selection.scan import SORTABLE
from fastopts.serve.protocol import PERMANENT_REASONS, MessageType

__all__ = ("MODULE", "constants", "text")

MODULE: Final = Path(__file__).parent.parent / "fastopts/serve/page/data/constants.js"
WIDTH: Final = 100  # as of the other scripts, by biome.jsonc
_HEAD: Final = """\
/**
 * Constants that the page shares with the server.
 *
 * Written by `python -m docs.make_page_constants` from fastopts.serve.protocol and
 * fastopts.field_registry: change those.
 */
"""


def constants() -> dict[str, tuple[str, Any]]:
    """Return the exports of the module by name: a comment and a value."""
    return {
        "MESSAGE": (
            "Types of the messages on a stream.",
            {member.name: member.value for member in MessageType},
        ),
        "PERMANENT_REASONS": (
            "Reasons of errors that repeating a request cannot cure.",
            sorted(PERMANENT_REASONS),
        ),
        "FIELDS": ("The fields of an option.", _described(FIELDS)),
        "SERIES_FIELDS": ("The figures of a series.", _described(SERIES_FIELDS)),
        "DISPLAY_RULES": (
            "How numbers are written, by display; `DisplayRule` has the defaults.",
            {name: _changed(rule) for name, rule in DISPLAY_RULES.items()},
        ),
        "USUAL_SETTLE": ("The settle coin of a series, if a request names none.", USUAL_SETTLE),
        "SCAN_BOUNDS": (
            "Bounds of a scan: the field, and whether it has a min_, a max_ parameter or both.",
            {
                field.bound.name: {
                    "field": field.name,
                    "ends": list(field.bound.ends),
                    "hint": field.bound.hint,
                }
                for field in FIELDS.values()
                if field.bound is not None
            },
        ),
        "SCAN_SORTS": ("Fields by which a scan can be sorted.", list(SORTABLE)),
    }


def text() -> str:
    """Return the source of the module."""
    parts = [_HEAD]
    for name, (comment, value) in constants().items():
        start = f"export const {name} = "
        parts.append(f"/** {comment} */\n{start}{_literal(value, start, ';')};\n")
    return "\n".join(parts)


def _literal(value: Any, start: str, end: str) -> str:
    """Return *value* in JavaScript: on one line, between *start* and *end*, if it fits."""
    if not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    starts = [f"{key}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    items = list(value.values()) if isinstance(value, dict) else value
    opening, closing = ("{ ", " }") if isinstance(value, dict) else ("[", "]")
    inline = ", ".join(
        each + _literal(item, "", "") for each, item in zip(starts, items, strict=True)
    )
    line = f"{opening}{inline}{closing}" if items else opening.strip() + closing.strip()
    if len(start) + len(line) + len(end) <= WIDTH:
        return line
    indent = " " * (len(start) - len(start.lstrip()) + 2)
    lines = [
        f"{indent}{each}{_literal(item, indent + each, ',')},\n"
        for each, item in zip(starts, items, strict=True)
    ]
    return f"{opening.strip()}\n{''.join(lines)}{indent[2:]}{closing.strip()}"


def _changed(rule: DisplayRule) -> dict[str, Any]:
    """The attributes of *rule* that are not the default."""
    default = asdict(DisplayRule())
    return {name: value for name, value in asdict(rule).items() if value != default[name]}


def _described(fields: Mapping[str, Field]) -> dict[str, dict[str, str]]:
    return {
        name: {
            "heading": field.label,
            "unit": field.unit,
            "meaning": field.meaning,
            "display": field.display,
            # only where they say something: the page is loaded over mobile networks
            **({"brief": field.brief} if field.brief else {}),
            **({"column_unit": field.column_unit} if field.column_unit else {}),
        }
        for name, field in fields.items()
    }


if __name__ == "__main__":
    MODULE.write_text(text())
