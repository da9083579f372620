"""Wrong inputs as people type them: one line with the remedy, the documented exit code."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Read
from tests.cli.process import fastopts

USAGE, FAILED = 2, 1

# Arguments, exit code, and what the line says. The market is that of tests.cli.market.
WRONG = [
    ("chian BTC", USAGE, "unknown command chian; did you mean chain?"),
    ("--verison", USAGE, "unknown option --verison; did you mean --version?"),
    ("chain", USAGE, r"missing argument ASSET (fastopts chain --help)"),
    ("chain BTC front more", USAGE, "unexpected argument more (fastopts chain --help)"),
    ("chain BTC -j", USAGE, "unknown option -j (fastopts chain --help)"),
    ("chain BTC --strikes two", USAGE, "--strikes: 'two' is not a whole number: write 5000,"),
    ("chain BTC 32DEC60", USAGE, "EXPIRY: '32DEC60' is not an expiry: write 27MAR26,"),
    ("chain BTC 1MAR27", FAILED, "no series BTC 1MAR27"),
    ("chain DOGE", FAILED, "no options of DOGE here; there are: BTC, ETH"),
    ("smile BTC 25DEC", USAGE, "EXPIRY: '25DEC' has no year: write 25DEC"),
    (
        "scan BTC --min-strike 90,5",
        USAGE,
        "--min-strike: '90,5' is not a number: write 90000, 90,000",
    ),
    ("scan --min-strike 90k --max-strike 80k", USAGE, "--min-strike 90000 is above --max-strike"),
    ("scan --type straddle", USAGE, "--type: 'straddle' is neither call nor put: write C or P"),
    ("scan --min-iv 80", USAGE, "--min-iv: 80 is 8000 %: write 0.8 or 80%"),
    ("scan --min-delta 25", USAGE, "--min-delta: 25 is not a delta: write 0.25"),
    ("scan --expiry 25JUNE27", USAGE, "--expiry: '25JUNE27' is not an expiry: write 27MAR26"),
    ("scan --min-oi 5", USAGE, "unknown option --min-oi; did you mean --min-open-interest?"),
    ("scan --max-oi 5", USAGE, "unknown option --max-oi; fastopts scan --help lists the options"),
    ("scan --min 5", USAGE, "unknown option --min; fastopts scan --help lists the options"),
    ("scan --mn-iv 5", USAGE, "unknown option --mn-iv; did you mean --min-iv?"),
    ("scan --sort price", USAGE, "--sort: 'price' is not a column; there are:"),
    ("scan --limit 1.5", USAGE, "--limit: '1.5' is not a whole number: write 5000, 5,000 or 5k"),
    ("get", USAGE, "missing argument SYMBOL (fastopts get --help)"),
    ("watch BTC --moves five", USAGE, "--moves: 'five' is not a fraction: write 0.8 or 80%"),
    (
        "watch BTC --duration 10x",
        USAGE,
        "--duration: '10x' is not a time such as 90, 90s, 10m or 2h, at most",
    ),
    ("export out.xls", USAGE, "the suffix of 'out.xls' is 'xls', and must be one of json, csv"),
    ("export /nonexistent/x.csv", USAGE, "/nonexistent/x.csv can't be written: No such file"),
    ("serve --port 99999", USAGE, "--port 99999: write a number from 0 to 65535"),
    ("serve --bind 0.0.0.0", USAGE, "needs tokens; add --tokens FILE"),
    ("status --redis-url localhost:6379", USAGE, "a URL that begins with redis:// or rediss://"),
    ("status --venue okx", USAGE, "--venue okx: choose bybit, bybit-testnet, sim or custom:"),
    ("status --redis-url redis://127.0.0.1:1", FAILED, "Connection refused"),
    (
        "chain BTC --redis-url redis://127.0.0.1:1",
        FAILED,
        "no server listens there: name another one with --redis-url, or start one: fastopts track",
    ),
    ("track --flush-ms fast", USAGE, "--flush-ms='fast': a number from 1 to 1000 ms"),
    ("track --coins BTC;ETH", USAGE, "--coins='BTC;ETH': write coins as BTC,ETH, or all"),
    ("verify --sample many", USAGE, "--sample: 'many' is not a whole number"),
    ("sim --coins ABC", USAGE, "'ABC' is not simulated; choose from BTC,ETH"),
    ("demo --symbols 1", USAGE, "--symbols: 1 is out of range: write a number from 2 to 20000"),
    ("demo --port http", USAGE, "--port: 'http' is not a whole number"),
    ("completion tcsh", USAGE, "SHELL: 'tcsh' is invalid: choose bash or zsh or fish"),
]


@pytest.mark.parametrize(("line", "code", "message"), WRONG, ids=[line for line, _, _ in WRONG])
def test_a_wrong_input_is_one_line_with_its_remedy(
    read: Read, line: str, code: int, message: str
) -> None:
    done = read(*line.split())
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1), done
    assert done.err.startswith("fastopts: ")
    assert message in done.err
    assert not re.search("Traceback|pydantic|numpy|unable to parse", done.err)


@pytest.mark.parametrize(
    "line",
    [
        "chain BTC 25dec60",
        "chain BTC 25DEC60 --settle usdt",
        "chain btc 2060-12-25",
        "scan BTC --min-strike 80k --max-strike 90,000 --limit 1,000",
        "scan btc --type call --expiry 25dec60 --min-iv 20%",
        "scan BTC --type Put --max-delta -0.1",
        "get btc-25dec60-90000-c-usdt",
    ],
)
def test_what_people_write_is_understood(read: Read, line: str) -> None:
    done = read(*line.split())
    assert (done.code, done.err) == (0, "")


def test_numbers_of_other_commands_are_read_the_same_way(tmp_path: Path) -> None:
    for line in ("sim --symbols 2k --rate 3,000 --coins ABC", "demo --symbols 1k --port 99k"):
        done = fastopts(*line.split(), cwd=tmp_path)
        assert done.code == USAGE
        assert "ABC" in done.err or "--port: 99000 is out of range" in done.err
