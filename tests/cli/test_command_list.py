"""Each entry of the list leads to a command."""

import inspect
from importlib import import_module

import pytest

from fastopts.cli.command_list import COMMANDS
from fastopts.command_line import ParameterSpec


@pytest.mark.parametrize("name", COMMANDS)
def test_an_entry_names_a_function_of_annotated_parameters(name: str) -> None:
    module, _, function = COMMANDS[name].target.partition(":")
    assert function == name
    command = getattr(import_module(module), function)
    for parameter in inspect.signature(command).parameters.values():
        [spec] = parameter.annotation.__metadata__
        assert isinstance(spec, ParameterSpec)
        assert spec.help, f"{name} {parameter.name} has no help"


def test_summaries_fit_the_line_of_a_help() -> None:
    width = max(map(len, COMMANDS))
    assert max(len(entry.summary) for entry in COMMANDS.values()) <= 80 - width - 4
