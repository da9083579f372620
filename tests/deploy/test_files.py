"""Containers and units: what they must say, and that their programs can read them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fastopts.config import SETTINGS
from tests.deploy.files import DEPLOY, read_yaml, unit
from tests.support.programs import missing

COMPOSE = read_yaml("compose.yaml")
OURS = ("collector", "serve")
UNITS = [f"fastopts-{name}.service" for name in OURS]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PROGRAM = "/opt/fastopts/bin/fastopts"

HARDENED = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "SystemCallArchitectures": "native",
}


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.*)", DOCKERFILE, re.MULTILINE)


def environment(name: str) -> dict[str, str]:
    """The variables that a unit sets."""
    return dict(text.split("=", 1) for text in unit(name)["Environment"])


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.y*ml")), ids=lambda path: path.name)
def test_it_is_yaml(path: Path) -> None:
    assert isinstance(read_yaml(str(path.relative_to(DEPLOY))), dict)


@pytest.mark.parametrize("name", OURS)
def test_our_containers_name_their_redis_and_start_none(name: str) -> None:
    told = COMPOSE["services"][name]["environment"]
    assert told["FASTOPTS_REDIS_URL"] == "redis://valkey:6379"
    assert told["FASTOPTS_EMBEDDED"] == "0"
    assert "PASSWORD" not in told["FASTOPTS_REDIS_URL"]
    assert {key for key in told if key.startswith("FASTOPTS_")} <= {
        f"FASTOPTS_{setting.upper()}" for setting in SETTINGS
    }


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_has_no_right_that_it_does_not_need(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["mem_limit"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_the_store_is_out_of_everybody_elses_reach() -> None:
    assert COMPOSE["services"]["valkey"]["networks"] == ["store"]
    assert COMPOSE["networks"]["store"]["internal"] is True
    assert "noeviction" in COMPOSE["services"]["valkey"]["command"][-1]


def test_what_others_can_reach_asks_for_tokens() -> None:
    words = COMPOSE["services"]["serve"]["command"]
    assert "--bind=0.0.0.0" in words
    assert "--tokens=/run/secrets/tokens" in words
    assert COMPOSE["services"]["serve"]["secrets"] == ["tokens"]
    jobs = {
        job["job_name"]: job for job in read_yaml("prometheus/prometheus.yml")["scrape_configs"]
    }
    credentials = jobs["fastopts-serve"]["authorization"]["credentials_file"]
    assert credentials == "/run/secrets/scrape_token"
    assert COMPOSE["services"]["prometheus"]["secrets"] == ["scrape_token"]
    ignored = (DEPLOY.parent / ".gitignore").read_text().split()
    assert {f"deploy/{name}" for name in (".env", "tokens", "scrape_token")} <= set(ignored)


def test_every_place_in_the_compose_file_is_there() -> None:
    services = COMPOSE["services"]
    context = DEPLOY / services["collector"]["build"]["context"]
    assert (context / services["collector"]["build"]["dockerfile"]).is_file()
    volumes = [volume for service in services.values() for volume in service.get("volumes", ())]
    for volume in volumes:
        source = volume.split(":")[0]
        assert (
            (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        )


def test_scraped_are_the_ports_that_are_served() -> None:
    jobs = read_yaml("prometheus/prometheus.yml")["scrape_configs"]
    targets = {
        target for job in jobs for each in job["static_configs"] for target in each["targets"]
    }
    told: dict[str, Any] = COMPOSE["services"]
    assert targets == {"collector:8051", "serve:8050"}
    assert told["collector"]["environment"]["FASTOPTS_METRICS_PORT"].endswith(":8051")
    assert "--port=8050" in told["serve"]["command"]
    assert "--allow-host=serve" in told["serve"]["command"]


def test_the_image_runs_as_nobody_and_installs_what_is_locked() -> None:
    users = instructions("USER")
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users)
    assert DOCKERFILE.rindex("\nUSER ") > DOCKERFILE.rindex("\nFROM ")
    assert len(instructions("FROM")) == 2
    assert all("slim" in base for base in instructions("FROM"))
    assert instructions("HEALTHCHECK")
    installs = re.findall(r"pip install (.*)", DOCKERFILE)
    assert installs
    assert all("--require-hashes" in words or "--no-index" in words for words in installs)
    assert "fastopts[record,serve]" in DOCKERFILE
    assert "FASTOPTS_EMBEDDED=0" in DOCKERFILE


def test_the_image_is_made_of_what_the_build_may_see() -> None:
    seen = {
        line[1:]
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().split()
        if line.startswith("!")
    }
    copied = {
        source
        for words in instructions("COPY")
        if not words.startswith("--from")
        for source in words.split()[:-1]
    }
    assert copied == seen
    assert all((DEPLOY.parent / name).exists() for name in copied)


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_hardened_limited_and_names_its_redis(name: str) -> None:
    found = unit(name)
    assert {key: found[key] for key in HARDENED} == {k: [v] for k, v in HARDENED.items()}
    assert found["MemoryMax"]
    assert found["SystemCallFilter"][0] == "@system-service"
    assert found["EnvironmentFile"] == ["-/etc/fastopts/environment"]
    told = environment(name)
    assert told["FASTOPTS_REDIS_URL"] == "redis://localhost:6379"
    assert told["FASTOPTS_EMBEDDED"] == "0"
    assert {key.removeprefix("FASTOPTS_").lower() for key in told} <= set(SETTINGS)
    assert found["ExecStart"][0].startswith(PROGRAM)


def test_the_tokens_reach_the_service_as_a_credential() -> None:
    found = unit("fastopts-serve.service")
    assert found["LoadCredential"] == ["tokens:/etc/fastopts/tokens"]
    assert "--tokens %d/tokens" in found["ExecStart"][0]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_can_read_a_unit_and_finds_it_hardened(name: str, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip(missing("systemd-analyze"))
    path = tmp_path / name
    path.write_text((DEPLOY / "systemd" / name).read_text().replace(PROGRAM, "/bin/true"))
    for words in (("verify",), ("security", "--offline=true", "--threshold=20")):
        done = subprocess.run(
            [program, *words, path], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert words != ("verify",) or done.stderr == ""


def test_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (DEPLOY / "README.md").read_text()):
        assert (DEPLOY / target).exists(), target
