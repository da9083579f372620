"""Every bound of a scan is an option of a command that is decorated with `bounded`."""

from typing import Any

import pytest

from fastopts.cli.bounds import bounded
from fastopts.command_line import run
from fastopts.errors import BadInput
from fastopts.reader.selection.bounds import Bounds


def parsed(*words: str) -> dict[str, Any]:
    calls: list[dict[str, Any]] = []

    @bounded
    def command(**bounds: Any) -> int:
        calls.append(bounds)
        return 0

    run(command, words, program="command")
    return {name: value for name, value in calls[0].items() if value is not None}


def test_every_bound_is_an_option_and_absent_by_default() -> None:
    assert parsed() == {}
    assert parsed("--otm") == {"otm": True}
    assert parsed("--no-otm") == {"otm": False}
    for name in Bounds.__annotations__.keys() - {"otm"}:
        value = {"expiry": "front", "settle": "USDT", "type": "C"}.get(name, "0.5")
        found = parsed(f"--{name.replace('_', '-')}", value)
        assert found == {name: value if value != "0.5" else 0.5}


@pytest.mark.parametrize(
    "name", ["min_iv", "max_bid_iv", "min_ask_iv", "max_rel_spread", "max_spread_iv"]
)
def test_volatilities_and_spreads_may_be_in_per_cent(name: str) -> None:
    option = f"--{name.replace('_', '-')}"
    assert parsed(option, "80%") == {name: 0.8}
    with pytest.raises(BadInput, match=f"{option}: 80 is 8000 %: write 0.8 or 80%"):
        parsed(option, "80")


def test_a_delta_is_a_plain_number_and_may_be_negative() -> None:
    assert parsed("--max-delta", "-0.4") == {"max_delta": -0.4}
    with pytest.raises(BadInput, match="--max-delta: '40%' is not a number"):
        parsed("--max-delta", "40%")


def test_numbers_may_be_written_as_tables_print_them() -> None:
    limits = parsed("--min-strike", "90k", "--max-strike", "90,000", "--min-turnover", "1.5M")
    assert limits == {"min_strike": 90_000, "max_strike": 90_000, "min_turnover": 1_500_000}
    with pytest.raises(BadInput, match="--min-strike: '90,5' is not a number: write 90000, 90,000"):
        parsed("--min-strike", "90,5")
