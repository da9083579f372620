"""Signatures that list every bound: for completion, and for parsers made from a signature.

`bounds` defines what a bound means. It is not imported here, since it takes longer to load than all
else that a program needs which reads single options.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from fastopts.field_registry import BOUNDED

__all__ = ("CHOICES", "Function", "lists_bounds", "with_parameters")

Function = TypeVar("Function", bound=Callable[..., Any])

# Those that are not on a number of the registry, as `Bounds` has them.
CHOICES: Final = {
    "expiry": "Expiry | None",
    "settle": "str | None",
    "type": "OptionType | None",
    "otm": "bool | None",
}


def with_parameters(
    function: Function, names: Iterable[str], annotation: Callable[[str], Any]
) -> Function:
    """Replace the `**bounds` of *function*'s signature by a keyword parameter for each of *names*.

    *annotation* returns the annotation for a name.
    """
    signature = inspect.signature(function)
    own = [each for each in signature.parameters.values() if each.kind is not each.VAR_KEYWORD]
    bounds = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation(name)
        )
        for name in names
    ]
    function.__signature__ = signature.replace(parameters=[*own, *bounds])  # type: ignore[attr-defined]
    return function


def lists_bounds(method: Function) -> Function:
    """Show each bound in the signature of *method*, which notebooks and shells complete from.

    Type checkers and editors read the annotation of its `**bounds` instead.
    """
    names = [*CHOICES, *BOUNDED]
    return with_parameters(method, names, lambda name: CHOICES.get(name, "float | None"))
