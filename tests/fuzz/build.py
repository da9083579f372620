"""Builds the harness into build/harness, when it is older than what it is made of."""

import importlib.machinery
import importlib.util
import sysconfig
from pathlib import Path
from typing import Any

__all__ = ("ROOT", "harness")

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FOLDER = ROOT / "build" / "harness"
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")


def harness() -> Any:
    """The module of `harness.pyx`."""
    path = FOLDER / f"harness{SUFFIX}"
    made_of = [*HERE.glob("*.h"), *HERE.glob("*.pyx"), *(ROOT / "fastopts/core").glob("*.p[xy]*")]
    if not path.exists() or path.stat().st_mtime < max(p.stat().st_mtime for p in made_of):
        _build()
    loader = importlib.machinery.ExtensionFileLoader("harness", str(path))
    spec = importlib.util.spec_from_file_location("harness", path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _build() -> None:
    # Cython and setuptools are slow to import, and rarely needed
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    extension = Extension(
        "harness",
        [str(HERE / "harness.pyx")],
        include_dirs=[str(HERE)],
        extra_compile_args=["-O2", "-Wall", "-Wextra", "-Wno-unused-parameter"],
    )
    modules = cythonize(  # type: ignore[no-untyped-call]
        [extension],
        build_dir=str(FOLDER),
        include_path=[str(ROOT)],
        compiler_directives={"language_level": 3, "boundscheck": False, "wraparound": False},
        quiet=True,
    )
    distribution = Distribution({"name": "harness", "ext_modules": modules})
    command = distribution.get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(FOLDER), str(FOLDER)
    distribution.run_command("build_ext")
