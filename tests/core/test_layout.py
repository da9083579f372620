"""Constants of the compiled core agree with the Python modules that define them."""

import struct

from fastopts import model
from tests.core.make_layout import TARGET, render


def test_the_generated_file_is_up_to_date() -> None:
    assert TARGET.read_text() == render(), "run python -m tests.core.make_layout"


def test_the_head_of_a_record_has_as_many_fields_as_its_layout() -> None:
    fields = len(model.RECORD.unpack(bytes(model.RECORD.size)))
    assert fields == len(model.RECORD_HEAD) + len(model.NUMBERS)
    assert struct.calcsize("<d") == 8


def test_rows_beside_the_numbers_are_fields_of_the_record() -> None:
    assert set(model.HEAD_ROWS) - {"held", "live"} <= set(model.RECORD_HEAD)
