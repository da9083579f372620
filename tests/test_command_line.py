"""Commands as parsers: values, switches, old spellings, errors, help."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from fastopts import command_line
from fastopts.command_line import argument, guarded, option, run, with_parameters
from fastopts.errors import BadInput, StoreUnavailable

CALLS: list[dict[str, Any]] = []


def upper(text: str) -> str:
    if not text.isalpha():
        raise ValueError(f"{text!r} is not a word")
    return text.upper()


def command(
    asset: Annotated[str, argument("ASSET", help="base coin")],
    expiries: Annotated[list[str] | None, argument("EXPIRY", help="27MAR26")] = None,
    limit: Annotated[
        int | None, option(metavar="N", minimum=1, maximum=9, help="at most N")
    ] = None,
    age_s: Annotated[float, option(metavar="S", deprecated=("--age",), help="maximum age")] = 2.5,
    sort: Annotated[str, option(metavar="NAME", parse=upper, help="80% of users sort")] = "NAME",
    bind: Annotated[list[str] | None, option(metavar="HOST", help="repeatable")] = None,
    path: Annotated[Path | None, option("--file", metavar="PATH", help="a file")] = None,
    order: Annotated[Literal["up", "down"], option(help="which way")] = "up",
    json: Annotated[bool, option(help="print JSON")] = False,
    embedded: Annotated[bool | None, option(is_negatable=True, help="start one")] = None,
) -> int:
    """Do something to ASSET.

    A second paragraph, which is long enough to be wrapped: it goes on and on, beyond the width.
    """
    CALLS.append(
        {
            "asset": asset,
            "expiries": expiries,
            "limit": limit,
            "age_s": age_s,
            "sort": sort,
            "bind": bind,
            "path": path,
            "order": order,
            "json": json,
            "embedded": embedded,
        }
    )
    return 7


DEFAULTS = {
    "asset": "BTC",
    "expiries": None,
    "limit": None,
    "age_s": 2.5,
    "sort": "NAME",
    "bind": None,
    "path": None,
    "order": "up",
    "json": False,
    "embedded": None,
}


def parsed(*words: str) -> dict[str, Any]:
    """The arguments that differ from the defaults."""
    CALLS.clear()
    assert run(command, words, program="program") == 7
    [values] = CALLS
    return {name: value for name, value in values.items() if value != DEFAULTS[name]}


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ([], {}),
        (["27MAR26", "front"], {"expiries": ["27MAR26", "front"]}),
        (["--json", "front"], {"json": True, "expiries": ["front"]}),
        (["a", "--limit", "3", "b"], {"limit": 3, "expiries": ["a", "b"]}),
        (["--limit=9"], {"limit": 9}),
        (["--limit", "0.008k"], {"limit": 8}),
        (["--age-s", "1,500"], {"age_s": 1500.0}),
        (["--age-s", "0.5"], {"age_s": 0.5}),
        (["--sort", "name"], {}),
        (["--bind", "a", "--bind=b"], {"bind": ["a", "b"]}),
        (["--file", "x/y"], {"path": Path("x/y")}),
        (["--file", "--json"], {"path": Path("--json")}),
        (["--file", "--help"], {"path": Path("--help")}),
        (["--order", "down"], {"order": "down"}),
        (["--embedded"], {"embedded": True}),
        (["--no-embedded"], {"embedded": False}),
        (["--", "--json"], {"expiries": ["--json"]}),
        (["-"], {"expiries": ["-"]}),
    ],
)
def test_arguments_are_converted(words: list[str], values: dict[str, Any]) -> None:
    assert parsed("BTC", *words) == values


@pytest.mark.parametrize(
    ("words", "values", "warning"),
    [
        (["--age", "1"], {"age_s": 1.0}, "--age is deprecated: use --age-s"),
        (["--age=1"], {"age_s": 1.0}, "--age is deprecated: use --age-s"),
        (["--embedded", "0"], {"embedded": False}, "--embedded 0 is deprecated: use --no-embedded"),
        (["--embedded=true"], {"embedded": True}, "--embedded true is deprecated: use --embedded"),
    ],
)
def test_an_old_spelling_works_with_one_line_of_warning(
    capsys: pytest.CaptureFixture[str], words: list[str], values: dict[str, Any], warning: str
) -> None:
    assert parsed("BTC", *words) == values
    assert capsys.readouterr().err == f"fastopts: {warning}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "missing argument ASSET (program --help)"),
        (["BTC", "--limt", "1"], "unknown option --limt; did you mean --limit?"),
        (["BTC", "--xyz"], "unknown option --xyz; program --help lists the options"),
        (["BTC", "-j"], "unknown option -j (program --help)"),
        (["BTC", "--limit"], "--limit needs a value: --limit N (program --help)"),
        (
            ["BTC", "--limit", "x"],
            "--limit: 'x' is not a whole number: write 5000, 5,000 or 5k (program",
        ),
        (["BTC", "--limit", "0"], "--limit: 0 is out of range: write a number from 1 to 9"),
        (["BTC", "--limit", "10"], "--limit: 10 is out of range: write a number from 1 to 9"),
        (
            ["BTC", "--age-s", "nan"],
            "--age-s: 'nan' is not a number: write 90000, 90,000 or 90k (program",
        ),
        (["BTC", "--sort", "1"], "--sort: '1' is not a word (program --help)"),
        (["BTC", "--order", "left"], "--order: 'left' is invalid: choose up or down"),
        (["BTC", "--json=1"], "--json takes no value (program --help)"),
        (["BTC", "--no-json"], "unknown option --no-json; did you mean --json?"),
        (["BTC", "--no-embedded=1"], "--no-embedded takes no value (program --help)"),
        (["BTC", "--embedded=perhaps"], "--embedded takes no value (program --help)"),
        (["BTC", "--lim", "1"], "unknown option --lim; did you mean --limit?"),
    ],
)
def test_an_error_names_the_fault_and_the_remedy(words: list[str], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        run(command, words, program="program")
    assert str(caught.value).startswith(message)


def test_an_argument_too_many_is_an_error() -> None:
    def bare(json: Annotated[bool, option(help="print JSON")] = False) -> int:
        return 0

    with pytest.raises(BadInput, match="unexpected argument more"):
        run(bare, ["more"], program="program")


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_shows_every_parameter_in_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    CALLS.clear()
    # an invalid option beside it: who asks for help gets it
    assert run(command, ["--xyz", word], program="fastopts test", example="BTC --json") == 0
    text = capsys.readouterr().out
    assert text.startswith("Usage: fastopts test ASSET [EXPIRY...] [OPTIONS]\n\nDo something")
    assert "\n\nA second paragraph, which" in text
    for line in (
        "  ASSET                 base coin\n",
        "  --age-s S             maximum age (default: 2.5)\n",
        "  --sort NAME           80% of users sort (default: NAME)\n",
        "  --order up|down       which way (default: up)\n",
        "  --json                print JSON\n",
        "  --embedded, --no-embedded\n",
        "  -h, --help            show this help and exit\n",
    ):
        assert line.split() in [each.split() for each in text.splitlines()], line
    assert "--age " not in text
    assert text.endswith("\nExample: fastopts test BTC --json\n")
    assert max(map(len, text.splitlines())) <= 80
    assert not CALLS


def test_keywords_are_replaced_by_parameters() -> None:
    def settings(**values: Any) -> int:
        CALLS.append(values)
        return 0

    import inspect

    annotation = Annotated[int | None, option(metavar="N", help="")]
    extra = inspect.Parameter("extra", inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
    CALLS.clear()
    run(with_parameters(settings, [extra.replace(default=None)]), ["--extra", "3"], program="p")
    assert CALLS == [{"extra": 3}]


def failing(error: BaseException) -> Callable[[], int]:
    def program() -> int:
        raise error

    return program


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (BadInput("--x: wrong"), 2, "fastopts: --x: wrong\n"),
        (StoreUnavailable("no Redis"), 1, "fastopts: no Redis\n"),
        (ImportError("not built"), 1, "fastopts: not built\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_an_expected_error_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    assert guarded(failing(error)) == code
    assert capsys.readouterr().err == line


def test_an_unexpected_error_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded(failing(ZeroDivisionError()))


def test_a_program_parses_the_arguments_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["program", "ETH"])
    CALLS.clear()
    assert command_line.main(command, program="program") == 7
    assert CALLS[0]["asset"] == "ETH"
