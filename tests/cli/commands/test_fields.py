import json
from pathlib import Path

from fastopts.field_registry import FIELDS
from tests.cli.process import fastopts


def test_every_field_has_its_line(tmp_path: Path) -> None:
    header, *rows = fastopts("fields", cwd=tmp_path).out.splitlines()
    assert header.split() == ["name", "field", "unit", "meaning"]
    assert [row.split()[0] for row in rows] == list(FIELDS)
    [vega] = [row for row in rows if row.startswith("vega ")]
    assert vega.split(maxsplit=2) == [
        *("vega", "v", "quote coin per vol point (0.01)  the venue's vega"),
    ]


def test_json_is_one_field_a_line(tmp_path: Path) -> None:
    fields = [
        json.loads(line) for line in fastopts("fields", "--json", cwd=tmp_path).out.split("\n")[:-1]
    ]
    assert [field["name"] for field in fields] == list(FIELDS)
    mark = next(field for field in fields if field["name"] == "mark_iv")
    assert mark == {
        "name": "mark_iv",
        "form": "number",
        "unit": "fraction",
        "meaning": FIELDS["mark_iv"].meaning,
        "short": "miv",
        "heading": "Mark IV",
        "formula": None,
        "only_if": None,
        "bound": {"name": "iv", "low": 0, "high": 10.0, "hint": "", "ends": ["min", "max"]},
        "shown": None,
        "brief": "",
    }
