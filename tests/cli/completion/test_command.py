"""`fastopts completion` prints a script."""

from pathlib import Path

import pytest

from fastopts.cli.completion.scripts import SCRIPTS
from tests.cli.process import fastopts


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed(tmp_path: Path, shell: str) -> None:
    assert fastopts("completion", shell, cwd=tmp_path) == (0, SCRIPTS[shell], "")


def test_another_shell_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    code, out, err = fastopts("completion", "tcsh", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "SHELL: 'tcsh' is invalid: choose bash or zsh or fish" in err
