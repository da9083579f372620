"""Files of a market: their content as other programs read it, and the state after a failure."""

import csv
import io
import json
import os
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from fastopts.errors import ConfigError
from fastopts.field_registry import COLUMNS, FIELDS, FLAGS
from fastopts.reader.export.dataframes import Columns, to_arrow
from fastopts.reader.export.files import FORMS, write, write_to
from tests.reader.market import MARKET, PROVENANCE, Row, columns, row, shuffled
from tests.support.disks import full_after
from tests.support.extras import without

every_form = pytest.mark.parametrize("form", ["json", "csv", "parquet", "arrow"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
FORMULAS = st.builds(str.__add__, st.sampled_from("=+-@\t\r"), TEXTS)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
NO_NUMBERS = st.sampled_from([np.nan, np.inf, -np.inf])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def printed(form: str, made: Columns) -> bytes:
    stream = io.BytesIO()
    write_to(stream, form, made, PROVENANCE)
    return stream.getvalue()


def as_text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def listed(rows: list[Row]) -> list[Row]:
    """The rows as JSON has them: times are text."""
    return [
        {
            name: as_text(value) if isinstance(value, datetime) else value
            for name, value in r.items()
        }
        for r in rows
    ]


def read_csv(content: bytes) -> list[Row]:
    """The rows with the values that their cells stand for."""
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""), strict=True)
    assert tuple(header) == COLUMNS
    return [
        {name: VALUE[FIELDS[name].form](cell) for name, cell in zip(header, cells, strict=True)}
        for cells in rows
    ]


VALUE: dict[str, Callable[[str], Any]] = {
    "text": str,
    "time": datetime.fromisoformat,
    "flag": {"true": True, "false": False}.__getitem__,
    "count": lambda cell: int(cell) if cell else None,
    "number": lambda cell: float(cell) if cell else None,
}


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def test_json_holds_each_cell_in_order() -> None:
    assert json.loads(printed("json", shuffled()), parse_constant=refuse) == {
        "schema": 2,
        "venue": "bybit",
        "epoch": 1_795_000_000,
        "as_of": "2026-11-22T12:00:00.250Z",
        "rows": listed(MARKET),
    }


def test_json_has_the_fields_of_a_row_in_the_order_of_the_schema() -> None:
    content = printed("json", shuffled())
    assert content.endswith(b"]}\n")
    first = json.loads(content)["rows"][0]
    assert tuple(first) == COLUMNS
    assert (first["expiry"], first["ts"]) == (
        "2026-11-27T08:00:00.000Z",
        "2026-11-22T12:00:00.007Z",
    )


def test_csv_holds_each_cell_in_order() -> None:
    assert read_csv(printed("csv", shuffled())) == MARKET


def test_csv_spells_a_row_so() -> None:
    _, _, second, _, fourth, *_ = printed("csv", shuffled()).decode().split("\r\n")
    assert second.split(",") == [
        *["BTC-27NOV26-8000-P-USDT", "bybit", "BTC", "USDT", "USDT", "2026-11-27T08:00:00.000Z"],
        *["8000.0", "P", "1.1", "2026-11-22T12:00:00.007Z", "2026-11-22T12:00:00.047Z", "true"],
        *["ws", "trading", "", "", "", "5.1", "6.1", "7.1", "", "9.1", "10.1", "11.1", "12.1"],
        *["13.1", "14.1", "15.1", "16.1", "17.1", "18.1", "19.1", "20.1", "21.1", "22.1", "23.1"],
        *["24.1", "25.1", "26.1", "77", "2026-11-22T12:00:00.007Z", "1795766400000", "27.1"],
        *["28.1", "29.1", "30.1", "31.1", "32.1", "33.1", "34.1", "35.1", "36.1", "37.1"],
        *["false"] * len(FLAGS),
    ]
    assert ",26.1,,2026-11-22T12:00:00.007Z," in fourth
    assert ",false,rest," in fourth
    assert ",-0.30000000000000004," in fourth


@every_form
def test_a_market_of_nothing_is_a_file_without_rows(form: str) -> None:
    content = printed(form, columns([]))
    assert READERS[form](io.BytesIO(content)) == []


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_pyarrow_reads_the_schema_and_each_cell(folder: Path, form: str) -> None:
    path = folder / f"market.{form}"
    write(path, shuffled(), PROVENANCE)
    table = parquet.read_table(path) if form == "parquet" else ipc.open_file(path).read_all()
    assert table.schema.equals(to_arrow(shuffled(), PROVENANCE).schema, check_metadata=True)
    assert table.to_pylist() == MARKET


def test_parquet_is_packed_with_zstd(folder: Path) -> None:
    write(folder / "m.parquet", shuffled(), PROVENANCE)
    group = parquet.ParquetFile(folder / "m.parquet").metadata.row_group(0)
    assert {group.column(place).compression for place in range(len(COLUMNS))} == {"ZSTD"}


def test_polars_reads_each_cell(folder: Path) -> None:
    for form, read in {"parquet": pl.read_parquet, "arrow": pl.read_ipc}.items():
        write(folder / f"m.{form}", shuffled(), PROVENANCE)
        assert read((folder / f"m.{form}").read_bytes()).rows(named=True) == MARKET
    numbers = pl.read_csv(printed("csv", shuffled()))["delta"]
    assert numbers.to_list() == [r["delta"] for r in MARKET]


def test_pandas_reads_each_number(folder: Path) -> None:
    write(folder / "m.parquet", shuffled(), PROVENANCE)
    write(folder / "m.csv", shuffled(), PROVENANCE)
    csv = pd.read_csv(folder / "m.csv", dtype=str)  # before pandas 3.1 its own floats are rounded
    for frame in (pd.read_parquet(folder / "m.parquet"), csv):
        for name in ("bid_price", "delta", "total_turnover", "seq"):
            held = [None if pd.isna(value) else float(value) for value in frame[name]]
            assert held == [r[name] for r in MARKET], name


@given(st.lists(TEXTS | FORMULAS, max_size=5))
def test_csv_gives_a_text_back_and_never_a_formula(texts: list[str]) -> None:
    made = columns([row("BTC-27NOV26-90000-C", phase=text) for text in texts])
    cells = [r["phase"] for r in read_csv(printed("csv", made))]
    assert cells == ["'" + text if text[:1] in set("=+-@\t\r") else text for text in texts]


@given(st.lists(NUMBERS, max_size=5))
def test_csv_gives_a_number_back(numbers: list[float]) -> None:
    made = columns([row("BTC-27NOV26-90000-C", theta=number) for number in numbers])
    assert [r["theta"] for r in read_csv(printed("csv", made))] == numbers


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "gamma": NUMBERS | NO_NUMBERS,
                "seq": st.integers(-1, 2**63 - 1),
                "phase": TEXTS,
            }
        ),
        max_size=5,
    )
)
def test_json_gives_any_cell_back_and_null_for_no_number(changes: list[Row]) -> None:
    made = columns([row("BTC-27NOV26-90000-C", **change) for change in changes])
    rows = json.loads(printed("json", made), parse_constant=refuse)["rows"]
    assert [(r["gamma"], r["seq"], r["phase"]) for r in rows] == [
        (
            c["gamma"] if np.isfinite(c["gamma"]) else None,
            c["seq"] if c["seq"] >= 0 else None,
            c["phase"],
        )
        for c in changes
    ]


@every_form
def test_a_number_that_is_none_and_a_time_that_is_not_known_are_absent(form: str) -> None:
    made = dict(columns([row("BTC-27NOV26-90000-C", vega=np.inf)]))
    made["rt"] = np.array(["NaT"], "M8[ms]")
    content = printed(form, made)
    if form == "csv":
        cells = dict(zip(COLUMNS, content.decode().splitlines()[1].split(","), strict=True))
        assert (cells["vega"], cells["rt"]) == ("", "")
    else:
        (only,) = READERS[form](io.BytesIO(content))
        assert (only["vega"], only["rt"]) == (None, None)


READERS: dict[str, Callable[[io.BytesIO], list[Row]]] = {
    "json": lambda stream: json.load(stream)["rows"],
    "csv": lambda stream: read_csv(stream.getvalue()),
    "parquet": lambda stream: parquet.read_table(stream).to_pylist(),
    "arrow": lambda stream: ipc.open_file(stream).read_all().to_pylist(),
}


@every_form
def test_a_file_holds_what_a_stream_gets(folder: Path, form: str) -> None:
    path = folder / f"market.{form.upper()}"
    write(str(path), shuffled(), PROVENANCE)
    assert path.read_bytes() == printed(form, shuffled())
    assert list(folder.iterdir()) == [path]


@every_form
def test_a_pipe_gets_it_too(form: str) -> None:
    source, sink = os.pipe()
    with open(source, "rb") as read, open(sink, "wb") as written:
        write_to(written, form, shuffled(), PROVENANCE)
        written.close()
        assert read.read() == printed(form, shuffled())


@pytest.mark.parametrize("name", ["market", "market.xlsx", "market.json.gz", ".json", "json"])
def test_another_suffix_is_refused_with_the_four_that_exist(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="one of json, csv, parquet, arrow") as caught:
        write(folder / name, shuffled(), PROVENANCE)
    assert str(folder / name) in str(caught.value)
    assert not list(folder.iterdir())


def test_another_file_format_is_refused_with_the_four_that_exist() -> None:
    stream = io.BytesIO()
    with pytest.raises(ConfigError, match="'xlsx', and must be one of json, csv, parquet, arrow"):
        write_to(stream, "xlsx", shuffled(), PROVENANCE)
    assert stream.getvalue() == b""


@every_form
def test_a_full_disk_leaves_what_was_there_and_nothing_else(folder: Path, form: str) -> None:
    path = folder / f"market.{form}"
    write(path, columns(MARKET[:1]), PROVENANCE)
    before = path.read_bytes()
    with full_after(1000), pytest.raises(ConfigError, match="can't be written: File too large"):
        write(path, shuffled(), PROVENANCE)
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path]


@every_form
def test_columns_that_can_not_be_written_change_nothing(folder: Path, form: str) -> None:
    path = folder / f"market.{form}"
    path.write_bytes(b"old")
    with pytest.raises(IndexError):
        write(path, dict(shuffled()) | {"gamma": np.zeros(2)}, PROVENANCE)
    assert path.read_bytes() == b"old"
    assert list(folder.iterdir()) == [path]


@every_form
def test_a_folder_that_is_not_there_is_reported(folder: Path, form: str) -> None:
    path = folder / "none" / f"m.{form}"
    with pytest.raises(ConfigError, match="can't be written: No such file or directory") as caught:
        write(path, shuffled(), PROVENANCE)
    assert str(path) in str(caught.value)


def test_a_link_stays_a_link(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    (folder / "m.csv").symlink_to(target)
    write(folder / "m.csv", shuffled(), PROVENANCE)
    assert (folder / "m.csv").is_symlink()
    assert target.read_bytes() == printed("csv", shuffled())


def test_its_mode_follows_the_umask(folder: Path) -> None:
    former = os.umask(0o027)
    try:
        write(folder / "m.json", shuffled(), PROVENANCE)
    finally:
        os.umask(former)
    assert stat.S_IMODE((folder / "m.json").stat().st_mode) == 0o640


@pytest.mark.parametrize("form", ["json", "csv"])
def test_json_and_csv_need_no_extra(form: str) -> None:
    with without("pyarrow", "pandas", "polars"):
        assert READERS[form](io.BytesIO(printed(form, shuffled())))


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_parquet_and_arrow_tell_the_extra_and_change_nothing(folder: Path, form: str) -> None:
    path = folder / f"market.{form}"
    path.write_bytes(b"old")
    with (
        without("pyarrow"),
        pytest.raises(ConfigError, match=r"pip install 'pyarrow>=.*'\.\[arrow\]'"),
    ):
        write(path, shuffled(), PROVENANCE)
    assert path.read_bytes() == b"old"
    assert list(folder.iterdir()) == [path]


def test_every_form_is_tested() -> None:
    assert list(FORMS) == list(READERS)
