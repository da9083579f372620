"""Options of the collector's settings, for the collector and for commands that share some.

The collector's command imports this module, so it needs neither rich nor the reader.
"""

import inspect
from collections.abc import Container
from dataclasses import replace
from typing import Annotated, Any, Final

from fastopts.command_line import Function, ParameterSpec, with_parameters
from fastopts.config import SETTINGS

__all__ = ("setting", "with_settings")

# Groups of the help; settings that are not named here are its "Options".
_GROUPS: Final = {
    "Venue": ("venue", "testnet", "coins", "rest_url", "ws_url", "insecure"),
    "Redis": ("redis_url", "redis_ca", "redis_cert", "redis_key", "embedded", "standby"),
    "Recording": ("record", "record_keep"),
}
_GROUP_OF: Final = {name: group for group, names in _GROUPS.items() for name in names}


def setting(name: str) -> Any:
    """Describe the option of a setting, for `Annotated`. Its value is checked by `config.load`."""
    spec = SETTINGS[name]
    return ParameterSpec(
        name=f"--{name.replace('_', '-')}",
        metavar=spec.metavar,
        help=spec.help,
        group=_GROUP_OF.get(name, "Options"),
        is_negatable=spec.metavar is None,
    )


def with_settings(
    command: Function, without_effect: Container[str] = (), subject: str = ""
) -> Function:
    """Give *command* an option for every setting, in place of its `**settings`.

    Options of settings *without_effect* are accepted with a warning that names *subject*, and are
    not in the help.
    """
    ordered = [*_GROUP_OF, *(name for name in SETTINGS if name not in _GROUP_OF)]
    parameters = [
        _parameter(name, f"has no effect on {subject}" if name in without_effect else "")
        for name in ordered
    ]
    return with_parameters(command, parameters)


def _parameter(name: str, warning: str) -> inspect.Parameter:
    # valued settings stay texts: config.load parses them, as it does those of the environment
    kind = bool if SETTINGS[name].metavar is None else str
    annotation: Any = Annotated[kind | None, replace(setting(name), warning=warning)]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )
