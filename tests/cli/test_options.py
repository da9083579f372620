import re
from pathlib import Path

import pytest

from fastopts.cli import options
from fastopts.cli.options import StoreLocation, fraction
from fastopts.errors import ConfigError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FASTOPTS_REDIS_URL", "FASTOPTS_VENUE", "FASTOPTS_CONFIG", "REDIS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80%", 0.8),
        ("0.8", 0.8),
        ("53.5 %", 0.535),
        ("-5%", -0.05),
        ("10", 10),
        ("1000%", 10),
    ],
)
def test_a_fraction_is_written_either_way(text: str, value: float) -> None:
    assert fraction(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("80", "80 is 8000 %: write 0.8 or 80%"),
        ("12.5", "12.5 is 1250 %: write 0.125 or 12.5%"),
        ("1200%", "1200% is more than 1000%"),
        ("much", "'much' is not a fraction: write 0.8 or 80%"),
        ("80%%", "'80%%' is not a fraction: write 0.8 or 80%"),
        ("nan", "'nan' is not a fraction: write 0.8 or 80%"),
        ("", "'' is not a fraction: write 0.8 or 80%"),
    ],
)
def test_a_number_that_can_only_be_a_mistake_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        fraction(text)


def test_without_a_word_it_is_the_usual_redis_and_bybit() -> None:
    assert options.locate(None, None) == StoreLocation("redis://localhost:6379", None, "bybit")


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "fastopts.toml").write_text('redis_url = "redis://file"\ntestnet = true\n')
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2")
    assert options.locate(None, None) == StoreLocation("redis://file", "hunter2", "bybit-testnet")
    monkeypatch.setenv("FASTOPTS_REDIS_URL", "redis://environment")
    assert options.locate(None, "sim").url == "redis://environment"
    found = options.locate("redis://option", "sim")
    assert found == StoreLocation("redis://option", "hunter2", "sim")
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("venue", ["bybit-testnet", "sim", "custom:example.org"])
def test_a_reader_may_expect_any_venue(venue: str) -> None:
    assert options.locate(None, venue).venue == venue


def test_a_venue_that_there_is_not_is_refused() -> None:
    words = "--venue okx: choose bybit, bybit-testnet, sim or custom:<host>"
    with pytest.raises(ConfigError, match=words):
        options.locate(None, "okx")
