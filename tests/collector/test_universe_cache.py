import dataclasses
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from fastopts.collector.venue import universe_cache as cache
from fastopts.errors import CacheError
from fastopts.model import Instrument
from tests.support.disks import full_after

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EXPIRY_MS = 1_795_766_400_000  # 27 November 2026, 8:00 UTC
OPTION = Instrument(
    *("BTC-27NOV26-90000-P-USDT", "BTC", "USDT", "USDT", EXPIRY_MS, "90000", "P"),
    *("5", "0.01", "Trading", 7),
)
OLD_FILE = {
    "symbols": ["BTC-27NOV26-90000-P-USDT", "ETH-27NOV26-3000-C", "BTC-1JAN25-1-C", "nonsense"],
    "count": 4,
    "updated_at": "2026-11-22T10:00:00.123456",
    "expires_at": "2026-11-23T10:00:00.123456",
    "by_asset": {"BTC": 3, "ETH": 1, "SOL": 0},
}


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    cache.save(path, "bybit", [OPTION], NOW)
    content = orjson.loads(path.read_bytes())
    assert content["symbols"] == [OPTION.symbol]
    assert (content["count"], content["by_asset"]) == (1, {"BTC": 1})
    held = cache.load(path, "bybit", NOW + timedelta(hours=30))
    assert held is not None
    assert held.instruments == {OPTION.symbol: OPTION}
    assert held.age(NOW + timedelta(hours=30)) == "30.0 h old"
    assert held.age(NOW + timedelta(minutes=5)) == "5 min old"
    assert list(tmp_path.iterdir()) == [path]


def test_expired_contracts_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    cache.save(path, "bybit", [OPTION], NOW)
    held = cache.load(path, "bybit", datetime.fromtimestamp(EXPIRY_MS / 1000, UTC))
    assert held is not None
    assert held.instruments == {}


def test_an_older_trackers_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(orjson.dumps(OLD_FILE))
    held = cache.load(path, "bybit", NOW)
    assert held is not None
    assert sorted(held.instruments) == ["BTC-27NOV26-90000-P-USDT", "ETH-27NOV26-3000-C"]
    assert held.updated_at == datetime.fromisoformat("2026-11-22T10:00:00.123456").astimezone(UTC)


def test_a_file_of_version_0_1_0_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    cache.save(path, "bybit", [OPTION], NOW)
    path.write_text(path.read_text().replace('"type"', '"kind"'))
    loaded = cache.load(path, "bybit", NOW)
    assert loaded is not None
    assert loaded.instruments == {OPTION.symbol: OPTION}


def test_another_venues_file_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    cache.save(path, "sim", [OPTION], NOW)
    assert cache.load(path, "bybit", NOW) is None
    assert cache.load(path, "sim", NOW) is not None


def test_no_file_is_no_cache(tmp_path: Path) -> None:
    assert cache.load(tmp_path / "c.json", "bybit", NOW) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"symbols":5}', b'{"updated_at":"x"}', b"\xff"]
)
def test_a_file_that_can_not_be_understood_is_reported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(content)
    with pytest.raises(CacheError, match=r"cannot read the cache file .*c\.json"):
        cache.load(path, "bybit", NOW)


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="can't be written"):
        cache.save(tmp_path / "none" / "c.json", "bybit", [OPTION], NOW)


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    link = tmp_path / "link.json"
    link.symlink_to(target)
    cache.save(link, "bybit", [OPTION], NOW)
    assert link.is_symlink()
    assert target.is_file()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    cache.save(pipe, "bybit", [OPTION], NOW)
    assert pipe.is_fifo()


def test_each_venue_has_its_own_file() -> None:
    assert str(cache.default_path("bybit")) == "symbols_cache.json"
    assert str(cache.default_path("sim")) == "symbols_cache.sim.json"
    assert str(cache.default_path("custom:10.0.0.5")) == "symbols_cache.custom-10.0.0.5.json"


@pytest.mark.parametrize(
    "damage",
    [
        *({"settle": "USDTUSDTX"}, {"settle": None}, {"settle": ["USDT"]}),
        *({"expiry_ms": str(EXPIRY_MS)}, {"expiry_ms": EXPIRY_MS + 0.5}, {"expiry_ms": 2**63}),
        *({"expiry_ms": None}, {"expiry_ms": True}, {"expiry_ms": {}}),
        *({"strike_text": None}, {"strike_text": 90_000}, {"type": None}, {"status": 5}),
        *({"symbol": None}, {"symbol": "nonsense"}, {"symbol": "BTC-27NOV26-9-P-USDT\n"}),
        *({"launch_ms": "7"}, {"tick_size": 5}),
    ],
)
def test_a_row_that_can_not_be_an_option_is_reported(
    tmp_path: Path, damage: dict[str, object]
) -> None:
    path = tmp_path / "c.json"
    cache.save(path, "bybit", [OPTION], NOW)
    content = orjson.loads(path.read_bytes())
    content["instruments"][0] |= damage
    path.write_bytes(orjson.dumps(content))
    with pytest.raises(CacheError, match=r"cannot read the cache file .*c\.json"):
        cache.load(path, "bybit", NOW)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Instrument)])
def test_a_row_that_lacks_a_term_is_reported(tmp_path: Path, field: str) -> None:
    path = tmp_path / "c.json"
    cache.save(path, "bybit", [OPTION], NOW)
    content = orjson.loads(path.read_bytes())
    del content["instruments"][0][field]
    path.write_bytes(orjson.dumps(content))
    with pytest.raises(CacheError, match=field):
        cache.load(path, "bybit", NOW)


def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    cache.save(path, "bybit", [OPTION], NOW)
    before = path.read_bytes()
    with full_after(100), pytest.raises(CacheError, match=r"c\.json can't be written: File too"):
        cache.save(path, "bybit", [OPTION] * 2, NOW)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before
