"""The order of checks, and what follows from a failed one."""

import asyncio

import pytest

from fastopts.cli.doctor import check
from fastopts.cli.doctor.check import Check, Finding, green, red, yellow
from fastopts.errors import ConfigError, StoreUnavailable


async def findings_of(*checks: Check) -> dict[str, Finding]:
    return {name: finding async for name, finding in check.run(checks)}


async def test_a_failed_check_skips_those_that_need_it_and_names_the_first_cause() -> None:
    ran: list[str] = []

    def make(name: str, finding: Finding, *needs: str) -> Check:
        async def run() -> Finding:
            ran.append(name)
            return finding

        return Check(name, run, needs=needs)

    findings = await findings_of(
        make("dns", red("no such name", "check it")),
        make("tls", green("valid"), "dns"),
        make("rest", green("fine"), "tls"),
        make("clock", yellow("apart", "use NTP")),
        make("tick", green("ticked"), "clock"),
    )
    assert {name: finding.level for name, finding in findings.items()} == {
        "dns": "red",
        "tls": "skipped",
        "rest": "skipped",
        "clock": "yellow",
        "tick": "green",
    }
    assert findings["rest"].summary == "not run: dns failed"
    assert ran == ["dns", "clock", "tick"]


@pytest.mark.parametrize(
    ("error", "finding"),
    [
        (ConfigError("x: wrong"), red("x: wrong", "change this setting")),
        (StoreUnavailable("no Redis"), red("no Redis", "start one")),
        (OSError("no route"), red("no route", "start one")),
        (
            KeyError("used_memory"),
            red(
                "unexpected error: KeyError: 'used_memory'", "report this line as a bug of fastopts"
            ),
        ),
    ],
)
async def test_an_error_is_a_red_finding_with_a_remedy(error: Exception, finding: Finding) -> None:
    async def run() -> Finding:
        raise error

    assert await findings_of(Check("redis", run, "start one")) == {"redis": finding}


async def test_a_check_that_takes_too_long_is_red() -> None:
    async def run() -> Finding:
        await asyncio.Event().wait()
        raise AssertionError

    findings = await findings_of(Check("rest", run, "check the network", limit_s=0.05))
    assert findings == {"rest": red("no response within 0.05 s", "check the network")}
