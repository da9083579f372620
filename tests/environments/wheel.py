"""Checks the distributions in a folder and installs the wheel where there is no compiler.

    python -m tests.environments.wheel dist [--uv PATH]

The dependencies are downloaded as wheels first; the installation itself has no index to ask and no
compiler to call, as on a server behind a firewall.
"""

import argparse
import sys
from pathlib import Path

from tests.environments.contents import check_sdist, check_wheel
from tests.environments.machine import environment, wheel_in

NO_COMPILER = {"CC": "/bin/false", "CXX": "/bin/false"}


def main() -> int:
    """Check, install and use; an AssertionError or CommandFailed says what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", type=Path)
    parser.add_argument("--uv", default="uv")
    arguments = parser.parse_args()
    [sdist] = arguments.dist.glob("fastopts-*.tar.gz")
    wheel = wheel_in(arguments.dist)
    check_sdist(sdist)
    check_wheel(wheel)
    print(f"{sdist.name}, {wheel.name}: contents are complete")
    install(wheel, arguments.uv)
    print(f"{wheel.name}: installed without index and compiler, and used")
    return 0


def install(wheel: Path, uv: str) -> None:
    """Install the wheel with the extra `serve` from a folder of wheels, and use it."""
    with environment(uv) as target:
        house = target.folder / "wheels"
        requirement = f"fastopts[serve] @ {wheel.as_uri()}"
        target.run(
            "-m", "pip", "download", "--quiet", "--only-binary=:all:", "-d", house, requirement
        )
        offline = ("--no-index", "--find-links", house, "--only-binary=:all:")
        target.run("-m", "pip", "install", "--quiet", *offline, "fastopts[serve]", **NO_COMPILER)
        target.check()
        target.demonstrate()


if __name__ == "__main__":
    sys.exit(main())
