"""The command as a user starts it."""

import json
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests import processes

__all__ = ("Done", "diagnose", "fastopts", "start")


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What it printed as JSON, one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def rows(self) -> list[list[str]]:
        """What it printed as a table: the cells of each line."""
        return [re.split(r" {2,}", line.strip()) for line in self.out.splitlines()]


start = partial(processes.start, module="fastopts.cli")


def fastopts(*words: str, cwd: Path, **variables: str) -> Done:
    with start(*words, cwd=cwd, **variables) as process:
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Done(process.returncode, out, err)


def diagnose(*words: str, cwd: Path, **variables: str) -> dict[str, dict[str, Any]]:
    """What `fastopts doctor` finds, by check. What is wrong has a remedy; the exit code fits."""
    done = fastopts("doctor", "--json", *words, cwd=cwd, **variables)
    assert done.err == ""
    told = json.loads(done.out)
    found = {finding.pop("check"): finding for finding in told["checks"]}
    is_red = any(finding["level"] == "red" for finding in found.values())
    assert (done.code, told["ok"]) == (int(is_red), not is_red)
    for finding in found.values():
        assert bool(finding["remedy"]) == (finding["level"] in ("yellow", "red")), finding
    return found
