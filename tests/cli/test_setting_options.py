"""The settings of the collector as options."""

from typing import Annotated, Any

import pytest

from fastopts.cli.setting_options import setting, with_settings
from fastopts.command_line import run
from fastopts.config import SETTINGS

SWITCHES = [name for name, setting in SETTINGS.items() if setting.metavar is None]


def parsed(*words: str) -> dict[str, Any]:
    calls: list[dict[str, Any]] = []

    @with_settings
    def command(**settings: Any) -> int:
        calls.append(settings)
        return 0

    run(command, words, program="command")
    assert calls[0].keys() == SETTINGS.keys()
    return {name: value for name, value in calls[0].items() if value is not None}


def test_every_setting_is_an_option_that_keeps_the_text() -> None:
    assert parsed() == {}
    for name in SETTINGS.keys() - set(SWITCHES):
        assert parsed(f"--{name.replace('_', '-')}", "text") == {name: "text"}


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_overrides_the_environment_either_way(name: str) -> None:
    assert parsed(f"--{name}") == {name: True}
    assert parsed(f"--no-{name}") == {name: False}


def test_a_command_may_have_some_of_them() -> None:
    def command(coins: Annotated[str | None, setting("coins")] = None) -> int:
        return len(coins or "")

    assert run(command, ["--coins", "BTC"], program="command") == 3


def test_the_help_groups_venue_and_redis(capsys: pytest.CaptureFixture[str]) -> None:
    @with_settings
    def command(**settings: Any) -> int:
        """Do something."""
        return 0

    run(command, ["--help"], program="command")
    text = capsys.readouterr().out
    order = [text.index(title) for title in ("\nVenue:\n", "\nRedis:\n", "\nOptions:\n")]
    assert order == sorted(order)
    assert text.index("--ws-url") < order[1] < text.index("--redis-ca") < order[2]
