"""The wheel beside the newest releases of packages that traders use.

    python -m tests.environments.beside dist [--uv PATH] [NAME...]

Each set is installed first, as a user would have it; then the wheel, into the same environment. It
may change nothing that is there already, `pip check` must pass, and the package must work.
"""

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.environments.machine import CommandFailed, Environment, environment, run, wheel_in

SETS: Final[dict[str, tuple[str, ...]]] = {
    "ccxt": ("ccxt",),
    "pybit": ("pybit",),
    "nautilus_trader": ("nautilus_trader",),
    "freqtrade": ("freqtrade",),
    "jupyter": ("jupyter",),
    "streamlit": ("streamlit",),
    "pandas2": ("pandas<3", "pyarrow", "polars"),
    "everything": (
        *("ccxt", "pybit", "nautilus_trader", "freqtrade", "jupyter", "streamlit", "pandas<3"),
    ),
}
EXTRAS: Final = "all"


def main() -> int:
    """Try the sets, print a line for each; 1 when one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SETS)}")
    parser.add_argument("--uv", default="uv")
    arguments = parser.parse_args()
    wheel = wheel_in(arguments.dist)
    failed = [name for name in arguments.names or SETS if not attempt(name, wheel, arguments.uv)]
    return bool(failed)


def attempt(name: str, wheel: Path, uv: str) -> bool:
    """Try one set and print the result."""
    started = time.monotonic()
    try:
        with environment(uv) as target:
            versions = install(target, SETS[name], wheel, uv)
            target.check()
            target.demonstrate()
    except CommandFailed as error:
        print(f"FAILED  {name}: {error}", flush=True)
        return False
    seconds = time.monotonic() - started
    print(f"ok      {name} ({seconds:.0f} s): {', '.join(versions)}", flush=True)
    return True


def install(target: Environment, names: Iterable[str], wheel: Path, uv: str) -> list[str]:
    """Install the packages, then the wheel; return the versions of the packages.

    Raises CommandFailed when the wheel changed a package that was there.
    """
    install = [uv, "pip", "install", "--quiet", "--python", str(target.python)]
    run([*install, *names], target.folder)
    before = target.versions()
    run([*install, f"fastopts[{EXTRAS}] @ {wheel.as_uri()}"], target.folder)
    after = target.versions()
    changes = changed(before, after)
    if changes:
        raise CommandFailed(f"the wheel replaced {', '.join(changes)}")
    return [f"{name} {after[key]}" for name in map(bare, names) for key in after if same(name, key)]


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The packages of *before* that have another version, or none, in *after*."""
    return [
        f"{name} {version} by {after.get(name, 'nothing')}"
        for name, version in before.items()
        if after.get(name) != version
    ]


def bare(requirement: str) -> str:
    """The name in a requirement."""
    return requirement.partition("<")[0]


def same(name: str, other: str) -> bool:
    """Whether two spellings name one package."""
    return name.lower().replace("_", "-") == other.lower().replace("_", "-")


if __name__ == "__main__":
    sys.exit(main())
