"""Every fault of the catalogue has a test of its name, or a reason why not."""

import re
from pathlib import Path

from tests.faults.catalogue import FAULTS, GROUPS, NOT_PROVED

NAMED = re.compile(r"^\s*(?:async )?def test_((?:[A-Z]{2}_\d\d_(?:and_)?)+)", re.MULTILINE)
ID = re.compile(r"([A-Z]{2})_(\d\d)")


def proved() -> set[str]:
    sources = Path(__file__).parent.rglob("test_*.py")
    names = (name for path in sources for name in NAMED.findall(path.read_text()))
    return {f"{group}-{number}" for name in names for group, number in ID.findall(name)}


def test_a_fault_is_proved_or_named_with_the_reason() -> None:
    assert proved() | NOT_PROVED.keys() == FAULTS.keys()
    assert not proved() & NOT_PROVED.keys()


def test_the_catalogue_is_whole() -> None:
    numbers: dict[str, list[int]] = {}
    for fault in FAULTS:
        group, number = fault.split("-")
        numbers.setdefault(group, []).append(int(number))
    assert numbers.keys() == GROUPS.keys()
    for group, listed in numbers.items():
        assert listed == list(range(1, len(listed) + 1)), group
