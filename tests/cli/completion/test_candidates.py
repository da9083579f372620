"""Candidates for the word at the cursor."""

import pytest

from fastopts.cli.command_list import COMMANDS
from fastopts.cli.completion.candidates import answer, candidates
from fastopts.cli.completion.scripts import FILES
from tests.support.store import Store


def offered(line: str) -> list[str]:
    """The candidates for the last word of *line*, which follows the program's name."""
    return [text for text, _ in candidates(line.split(" "))]


def test_the_first_word_is_a_command() -> None:
    assert offered("") == [*COMMANDS, "--help", "--version"]
    assert offered("ex") == ["expiries", "export"]
    assert offered("--v") == ["--version"]
    assert dict(candidates(["ch"])) == {"chain": COMMANDS["chain"].summary}
    assert offered("nope ") == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_offers_its_options_with_their_help(name: str) -> None:
    found = dict(candidates([name, "--"]))
    assert found.pop("--help") == "show the help"
    assert all(found.values())


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("chain --st", ["--strikes", "--stale"]),
        ("chain --stale --st", ["--strikes"]),
        ("serve --bind ::1 --bi", ["--bind"]),
        ("track --no-s", ["--no-standby"]),
        ("fetch --flush", []),
        ("fields --js", ["--json"]),
        ("scan --sort --js", []),
        ("fields -- --js", []),
        ("scan --unknown --ra", ["--raw"]),
    ],
)
def test_options_are_offered_once_unless_they_are_repeatable(line: str, texts: list[str]) -> None:
    assert offered(line) == texts


@pytest.mark.parametrize(
    ("line", "texts"),
    [
        ("chain --settle ", ["USDT", "USDC"]),
        ("chain --settle=", ["--settle=USDT", "--settle=USDC"]),
        ("chain --settle=usdc", ["--settle=USDC"]),
        ("scan --type ", ["call", "put"]),
        ("scan --sort -ma", ["-mark_price", "-mark_iv"]),
        ("scan --columns symbol,bid", ["symbol,bid_price", "symbol,bid_size", "symbol,bid_iv"]),
        ("track --log-format ", ["text", "json"]),
        ("track --coins BTC,e", ["BTC,ETH"]),
        ("doctor --venue ", ["bybit", "bybit-testnet", "sim"]),
        ("completion ", ["bash", "zsh", "fish"]),
        ("sim --key-order ", ["2026", "2023", "mixed"]),
        ("scan --min-iv ", []),
        ("export ", [FILES]),
        ("history ", ["info", "make", "verify", "gaps"]),
        ("history info ", [FILES]),
        ("history info captures/a.mcap capt", [FILES]),
        ("serve --tokens=", [FILES]),
    ],
)
def test_values_are_those_of_the_option(line: str, texts: list[str]) -> None:
    assert offered(line) == texts


def test_assets_expiries_and_symbols_come_from_redis(market: Store) -> None:
    redis = f"--redis-url {market.url}"
    assert offered(f"chain {redis} ") == ["BTC", "ETH"]
    assert offered(f"chain {redis} b") == ["BTC"]
    assert offered(f"chain {redis} BTC ") == ["front", "27NOV60", "25DEC60"]
    assert offered(f"smile {redis} BTC front 2") == ["27NOV60", "25DEC60"]
    assert offered(f"scan {redis} eth --expiry 2") == ["27NOV60"]
    assert offered(f"get {redis} ") == ["BTC", "ETH"]
    assert offered(f"get {redis} BTC-25dec60-9") == [
        "BTC-25DEC60-90000-C-USDT",
        "BTC-25DEC60-90000-P-USDT",
    ]
    assert offered(f"watch {redis} ETH-27NOV60-3000-P") == ["ETH-27NOV60-3000-P-USDT"]


def test_another_venue_and_no_redis_do_not_disturb_the_line(
    market: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offered(f"chain --redis-url {market.url} --venue sim b") == ["BTC"]
    assert answer("fish", ["chain", "--redis-url", "redis://127.0.0.1:1", ""]) == 0
    assert answer("fish", ["chain", "--redis-url", "nonsense", ""]) == 0
    assert capsys.readouterr() == ("\n\n", "")


@pytest.mark.parametrize(
    ("shell", "words", "output"),
    [
        ("bash", ["fastopts fie"], "fields\n"),
        ("bash", ["fastopts chain --settle "], "USDT\nUSDC\n"),
        ("bash", ['fastopts chain --settle "usdc'], "USDC\n"),
        ("bash", ["/usr/bin/fastopts  completion   z"], "zsh\n"),
        ("bash", ["fastopts nope x"], "\n"),
        ("zsh", ["fie"], "fields:all field names with unit and meaning\n"),
        (
            "zsh",
            ["expi"],
            "expiries:expiries of an asset: forward, volatility, skew, open interest\n",
        ),
        ("fish", ["fie"], "fields\tall field names with unit and meaning\n"),
        ("fish", ["export", ""], ":files\n"),
    ],
)
def test_each_shell_gets_its_own_form(
    capsys: pytest.CaptureFixture[str], shell: str, words: list[str], output: str
) -> None:
    assert answer(shell, words) == 0
    assert capsys.readouterr() == (output, "")
