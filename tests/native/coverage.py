"""What the unit tests run over, compiled code included: `make coverage`.

The rooms without I/O must be covered to the last branch, the compiled modules to `COMPILED_MIN`
per cent of their lines (of what remains, nearly all is for a machine without memory).
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import results

PLAIN = ("errors", "model", "keys", "config", "files", "metrics", "field_registry")
PURE = (
    *(f"fastopts/{name}.py" for name in PLAIN),
    *("fastopts/core/pure/", "fastopts/session/", "fastopts/venues/"),
)
COMPILED_MIN = 95.0
RCFILE = Path(__file__).with_name("coverage.ini")
SUITE = (
    *("tests/core", "tests/session", "tests/venues"),
    *(path for name in PLAIN if Path(path := f"tests/test_{name}.py").exists()),
)


def main() -> None:
    suite = _coverage("run", "-m", "pytest", "--timeout", "600", *SUITE)
    _coverage("json", "--quiet", "-o", "build/coverage.json")
    files: dict[str, Any] = json.loads(Path("build/coverage.json").read_text())["files"]
    pure = {name: told for name, told in files.items() if name.startswith(PURE)}
    compiled = {name: told for name, told in files.items() if name.endswith((".pyx", ".pxi"))}
    told = {
        "pure_lines_and_branches_percent": _percent(pure),
        "pure_branches": sum(t["summary"]["num_branches"] for t in pure.values()),
        "compiled_lines_percent": _percent(compiled),
        "files": {name: _percent({name: t}) for name, t in sorted((pure | compiled).items())},
    }
    what = "lines and branches that the unit tests run over, in code that does no I/O"
    results.write(Path(sys.argv[1]), what, "make coverage", None, told)
    _show(pure | compiled)
    low = told["compiled_lines_percent"] < COMPILED_MIN
    sys.exit(suite or low or told["pure_lines_and_branches_percent"] < 100)


def _coverage(verb: str, *arguments: str) -> int:
    command = (sys.executable, "-m", "coverage", verb, f"--rcfile={RCFILE}", *arguments)
    environ = os.environ | {"CYTHON_USE_SYS_MONITORING": "0"}
    return subprocess.run(command, env=environ, check=False).returncode


def _percent(files: dict[str, Any]) -> float:
    summaries = [told["summary"] for told in files.values()]
    covered = sum(s["covered_lines"] + s.get("covered_branches", 0) for s in summaries)
    there = sum(s["num_statements"] + s.get("num_branches", 0) for s in summaries)
    return round(100 * covered / there, 2) if covered < there else 100.0


def _show(files: dict[str, Any]) -> None:
    for name, told in sorted(files.items()):
        missing = [*map(str, told["missing_lines"])]
        missing += [f"{start}->{end}" for start, end in told.get("missing_branches", ())]
        if missing:
            print(f"{name}: {_percent({name: told})} %, not {', '.join(missing)}")


if __name__ == "__main__":
    main()
