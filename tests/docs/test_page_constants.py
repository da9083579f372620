"""The dashboard's constants are those of the server."""

import re
import runpy
from pathlib import Path

from fastopts.serve.protocol import MessageType

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "fastopts" / "serve" / "page"


def test_the_constants_are_generated() -> None:
    text: str = runpy.run_path(str(ROOT / "docs" / "make_page_constants.py"))["text"]()
    constants = (PAGE / "data" / "constants.js").read_text()
    assert text == constants, "run `python -m docs.make_page_constants`"


def test_no_script_spells_a_message_type() -> None:
    types = "|".join(MessageType)
    for path in PAGE.rglob("*.js"):
        if "vendor" not in path.parts:
            assert re.findall(rf'type\s*[!=]==?\s*"(?:{types})"', path.read_text()) == [], path.name
