"""Our Black-76 against the simulator's, which is another one."""

import pytest

from fastopts.cli.verify import greeks
from fastopts.cli.verify.symbols import parse
from fastopts.sim.prices import black76

DAY_MS = 86_400_000
SYMBOLS = [
    f"BTC-27MAR26-{strike}-{kind}-USDT" for strike in (60_000, 88_000, 130_000) for kind in "CP"
]


def tick(symbol: str, days: float, **changes: float) -> dict[str, str]:
    contract = parse(symbol)
    assert contract is not None
    years = days / black76.DAYS_PER_YEAR
    _, *found = black76.value(88_251.0, contract.strike, years, 0.52, contract.is_call)
    told = dict(zip("dgvt", found, strict=True)) | {"up": 88_251.0, "miv": 0.52} | changes
    texts = {name: f"{value:.8f}" for name, value in told.items()}
    return {"tm": str(round(contract.expiry_ms - days * DAY_MS)), **texts}


@pytest.mark.parametrize("days", [1.5, 30, 300])
def test_two_implementations_agree(days: float) -> None:
    found = greeks.check({symbol: tick(symbol, days) for symbol in SYMBOLS})
    assert (found.checked, found.agree, found.last_day, found.incomplete) == (6, 6, 0, 0)
    assert found.is_good
    assert found.worst is not None
    assert found.worst.off < 0.005


@pytest.mark.parametrize(
    ("field", "factor", "greek"),
    [("d", -1, "delta"), ("g", 10, "gamma"), ("v", 100, "vega"), ("t", 1 / 365, "theta")],
)
def test_another_unit_or_sign_does_not_agree(field: str, factor: float, greek: str) -> None:
    told = {symbol: tick(symbol, 30) for symbol in SYMBOLS}
    for texts in told.values():
        texts[field] = str(factor * float(texts[field]))
    found = greeks.check(told)
    assert found.agree < found.checked == 6
    assert not found.is_good
    assert found.worst is not None
    assert found.worst.greek == greek
    assert found.worst.stored == float(told[found.worst.symbol][field])


def test_a_few_that_are_off_are_the_venues_own() -> None:
    strikes = [f"BTC-27MAR26-{strike}-C-USDT" for strike in range(70_000, 110_000, 1_000)]
    told = {symbol: tick(symbol, 30) for symbol in strikes}
    told[strikes[18]]["d"] = "0.9"
    found = greeks.check(told)
    assert (found.checked, found.agree, found.is_good) == (40, 39, True)


def test_the_last_day_and_what_is_not_there_are_left_out_and_counted() -> None:
    told = {
        SYMBOLS[0]: tick(SYMBOLS[0], 0.9),
        SYMBOLS[1]: tick(SYMBOLS[1], 30, miv=0),
        SYMBOLS[2]: {"tm": "1795000000000"},
    }
    found = greeks.check(told)
    assert (found.checked, found.last_day, found.incomplete) == (0, 1, 2)
    assert found.is_good
    assert found.worst is None
