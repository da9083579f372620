"""Checks that this Python can build the compiled core: a C compiler and Python's headers.

python3 tools/check_compiler.py

Exits with 1 and one line that names the remedy; without it, the answer to a missing compiler is a
page of the build's output. Needs nothing but the standard library, as it runs before anything is
installed.
"""

import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

__all__ = ("fault",)


def fault(environ: Mapping[str, str], include: Path) -> str | None:
    """What is missing, and how to get it; None if nothing is. *include* has Python's headers."""
    if sys.platform == "win32":
        return None  # setuptools looks for MSVC in the registry, and names what to install
    compiler = environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    words = shlex.split(compiler)
    if not words or shutil.which(words[0], path=environ.get("PATH")) is None:
        return (
            f"fastopts needs a C compiler, and {compiler!r} is not there: apt install gcc, or the"
            " like, or name another one: make CC=clang"
        )
    if not (include / "Python.h").exists():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return (
            f"fastopts needs the headers of Python {version}, and {include}/Python.h is not there:"
            f" apt install python{version}-dev, or the like, or name another: make PYTHON=..."
        )
    return None


if __name__ == "__main__":
    sys.exit(fault(os.environ, Path(sysconfig.get_path("include"))))
