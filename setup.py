"""The compiled modules and their build variants; everything else is in pyproject.toml.

FASTOPTS_BUILD selects a variant: unset (release), `debug` (bounds checks), `trace` (line tracing
for coverage), `asan` (address and undefined behaviour sanitizers), `fuzz` (edge coverage for
tests/fuzz). Every variant but release regenerates the C code.
"""

import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "binding": False,
    "embedsignature": True,
    "autotestdict": False,
}
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
BUILDS = {
    "": ({}, ["-O3", "-g0"], []),
    "debug": (
        {"boundscheck": True, "wraparound": False, "initializedcheck": True},
        ["-O1", "-g"],
        [],
    ),
    "trace": (
        {"linetrace": True},
        ["-O0", "-g"],
        [("CYTHON_TRACE_NOGIL", "1"), ("CYTHON_USE_SYS_MONITORING", "0")],
    ),
    "asan": ({}, [*SANITIZERS, "-fno-omit-frame-pointer", "-O1", "-g"], []),
    "fuzz": ({}, ["-O3", "-g0", "-fsanitize-coverage=trace-pc"], []),
}
# The variants are for GCC and Clang; MSVC builds the release only, with its own flags.
MSVC = sys.platform == "win32"
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-parameter"]
MODULES = ("ticker", "table", "batch", "reply", "records", "capture", "replay")

build = os.environ.get("FASTOPTS_BUILD", "")
if build not in BUILDS:
    raise SystemExit(f"FASTOPTS_BUILD={build!r}: choose one of {', '.join(filter(None, BUILDS))}")
extra_directives, compile_args, macros = BUILDS[build]

extensions = [
    Extension(
        f"fastopts.core.{name}",
        [f"fastopts/core/{name}.pyx"],
        extra_compile_args=["/O2"] if MSVC else [*WARNINGS, *compile_args],
        extra_link_args=SANITIZERS if build == "asan" else [],
        define_macros=macros,
    )
    for name in MODULES
]

setup(
    ext_modules=cythonize(
        extensions,
        nthreads=2,
        force=bool(build),
        emit_linenums=build == "asan",  # its reports point at the .pyx
        compiler_directives={**DIRECTIVES, **extra_directives},
    )
)
