"""Dependencies: what is installed is what was tested, byte for byte."""

import re
import tomllib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parent.parent.parent.parent
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS: Final = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
HASH: Final = re.compile(r"--hash=sha256:[0-9a-f]{64}")
PYTHONS: Final = ("3.11", "3.12", "3.13")
PLATFORMS: Final = ("linux", "darwin", "win32")


@dataclass(frozen=True)
class Pin:
    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        [one] = self.requirement.specifier
        assert one.operator == "=="
        return one.version


def pins(name: str) -> list[Pin]:
    """The lines of a lock file, which has nothing else but comments."""
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    found = []
    for line in lines:
        told = line.partition("#")[0].strip()
        if told:
            requirement, *hashes = re.split(r"\s+(?=--)", told)
            found.append(Pin(Requirement(requirement), tuple(hashes)))
    return found


def environments() -> list[dict[str, str]]:
    here = {name: str(value) for name, value in default_environment().items()}
    return [
        here
        | {"python_version": python, "python_full_version": f"{python}.9"}
        | {"sys_platform": platform}
        for python, platform in product(PYTHONS, PLATFORMS)
    ]


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


def asked() -> list[tuple[str, str]]:
    """Each lock file with each requirement that it must meet."""
    project = PROJECT["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    dev = [text for text in extras if not text.startswith("fastopts[")]
    parts = (project["optional-dependencies"][extra] for extra in ("record", "serve"))
    deployed = [*project["dependencies"], *(text for part in parts for text in part)]
    return [
        *(("requirements.lock", text) for text in deployed),
        *(("requirements-build.lock", text) for text in PROJECT["build-system"]["requires"]),
        *(("requirements-dev.lock", text) for text in (*project["dependencies"], *dev)),
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_CF_09_everything_is_pinned_to_a_version_and_to_hashes(name: str) -> None:
    found = pins(name)
    assert found
    for pin in found:
        assert pin.version
        assert pin.hashes, pin.name
        assert all(map(HASH.fullmatch, pin.hashes)), pin.name
        assert pin.requirement.url is None
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "index" not in text


@pytest.mark.parametrize(("name", "text"), asked())
def test_CF_09_the_lock_files_hold_what_is_asked_for_on_every_platform(
    name: str, text: str
) -> None:
    wanted = Requirement(text)
    held = [pin for pin in pins(name) if pin.name == canonicalize_name(wanted.name)]
    for environment in environments():
        if applies(wanted, environment):
            [pin] = [pin for pin in held if applies(pin.requirement, environment)]
            assert wanted.specifier.contains(pin.version), (pin.version, environment)


def test_CF_09_what_is_tested_is_what_is_deployed() -> None:
    tested = {(pin.name, pin.version): pin.hashes for pin in pins("requirements-dev.lock")}
    for pin in pins("requirements.lock"):
        assert tested[pin.name, pin.version] == pin.hashes


def test_CF_10_every_dependency_says_which_version_is_the_oldest() -> None:
    """The suite passes with these, and with those of the lock files, which are the newest."""
    for _, text in asked():
        operators = {one.operator for one in Requirement(text).specifier}
        assert operators & {">=", "=="}, text
