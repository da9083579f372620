from typing import Any

import pytest

from fastopts.errors import ConfigError
from fastopts.sim.settings import SimSettings, split_coins


def test_defaults_are_the_venue_s_limits() -> None:
    settings = SimSettings()
    assert (settings.topics_max, settings.args_chars_max, settings.args_mode) == (
        2_000,
        21_000,
        "connection",
    )
    assert (settings.ping_timeout_s, settings.key_order) == (30, "2026")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"rate": 0}, "rate=0: must be from 1 to"),
        ({"rate": float("nan")}, "rate=nan"),
        ({"port": 70_000}, "port=70000"),
        ({"coins": ()}, "coins: at least one is required"),
        ({"coins": ("BTC", "NOPE")}, "'NOPE' is not simulated; choose from BTC,"),
        ({"coins": ("BTC", "BTC")}, "duplicate name"),
        ({"key_order": "2025"}, "key_order: choose 2026 or 2023 or mixed"),
        ({"args_mode": "x"}, "args_mode: choose connection or frame"),
    ],
)
def test_a_wrong_value_is_named(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        SimSettings(**given)


def test_all_faults_are_reported_together() -> None:
    with pytest.raises(ConfigError, match=r"rate=-1: .*; coins: 'X'"):
        SimSettings(rate=-1, coins=("X",))


def test_split_coins() -> None:
    assert split_coins("BTC, eth") == ("BTC", "ETH")
    assert split_coins("") == ()
