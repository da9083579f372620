"""`fastopts completion`: print the script that makes a shell complete this program."""

from typing import Annotated, Literal

from fastopts.cli.completion.scripts import SCRIPTS
from fastopts.command_line import argument

__all__ = ("completion",)


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], argument("SHELL", help="bash, zsh or fish")],
) -> int:
    """Print a script for SHELL that completes commands, options and their values.

    Load it at the start of the shell: source <(fastopts completion bash) in ~/.bashrc; the same
    with zsh in ~/.zshrc, after compinit; fastopts completion fish | source in
    ~/.config/fish/config.fish. Assets, expiries and symbols are those in Redis, which is asked as a
    command with the same options would ask it.
    """
    print(SCRIPTS[shell], end="")  # noqa: T201
    return 0
