"""The table of values and the parameters of commands agree."""

from importlib import import_module
from typing import Any

from fastopts.cli.command_list import COMMANDS
from fastopts.cli.completion import values
from fastopts.command_line import ParameterSpec, described


def parameters() -> dict[str, tuple[Any, ParameterSpec]]:
    """All parameters of all commands by name."""
    found = {}
    for entry in COMMANDS.values():
        module, _, function = entry.target.partition(":")
        for name, kind, spec in described(getattr(import_module(module), function)):
            found[name] = (kind, spec)
    return found


def test_each_entry_is_a_parameter_of_a_command() -> None:
    assert values.BY_NAME.keys() <= parameters().keys()


def test_names_of_fields_venues_and_coins_have_values() -> None:
    for name, (kind, spec) in parameters().items():
        if spec.metavar in ("ASSET", "EXPIRY", "SYMBOL", "ASSET|SYMBOL", "COIN", "NAMES"):
            assert name in values.BY_NAME, name
        for text in (
            values.of(name, kind, "", {}) if name not in ("asset", "symbols", "names") else ()
        ):
            assert text, name
