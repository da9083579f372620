import json
from pathlib import Path

from fastopts.vocabulary import COLUMNS, VOCABULARY
from tests.cli.process import fastopts


def test_every_word_has_its_line(tmp_path: Path) -> None:
    header, *rows = fastopts("fields", cwd=tmp_path).out.splitlines()
    assert header.split() == ["name", "field", "unit", "meaning"]
    assert [row.split()[0] for row in rows] == list(COLUMNS)
    [vega] = [row for row in rows if row.startswith("vega ")]
    assert vega.split(maxsplit=2) == [
        *("vega", "v", "quote coin per vol point (0.01)  the venue's vega"),
    ]


def test_json_is_one_word_a_line(tmp_path: Path) -> None:
    words = [
        json.loads(line) for line in fastopts("fields", "--json", cwd=tmp_path).out.split("\n")[:-1]
    ]
    assert [word["name"] for word in words] == list(COLUMNS)
    mark = next(word for word in words if word["name"] == "mark_iv")
    assert mark == {
        "name": "mark_iv",
        "form": "number",
        "unit": "fraction",
        "meaning": VOCABULARY["mark_iv"].meaning,
        "short": "miv",
    }
