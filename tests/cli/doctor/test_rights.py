"""The right that a refused command needs. tests/faults/cf/test_cf_rights.py asks real servers."""

import pytest

from fastopts import keys
from fastopts.cli.doctor.rights import PREPARING, QUEUED, READING, RefusedCommand, Trial

NO_COMMAND = "NOPERM User reader has no permissions to run the 'client|kill' command"
NO_KEY = "NOPERM No permissions to access a key"
NO_CHANNEL = "NOPERM No permissions to access a channel"


@pytest.mark.parametrize(
    ("trial", "name"),
    [
        (Trial(("HGETALL", "stats")), "hgetall"),
        (Trial(("CLIENT", "KILL", "ID", "1"), is_sub=True), "client|kill"),
    ],
)
def test_a_command_has_the_name_of_its_right(trial: Trial, name: str) -> None:
    assert trial.command == name


@pytest.mark.parametrize(
    ("parts", "reply", "right"),
    [
        (("CLIENT", "KILL"), NO_COMMAND, "+client"),
        (("HGETALL", "stats"), NO_KEY, "~stats"),
        (("MGET", "optrec:X"), NO_KEY, "~optrec:*"),
        (("SUBSCRIBE", "fastopts:updates:0"), NO_CHANNEL, "&fastopts:updates:*"),
        # the key is not among the documented ones: all patterns
        (("GET", "mine"), NO_KEY, "~stats ~optrec:*"),
    ],
)
def test_the_right_to_grant_is_the_documented_one(
    parts: tuple[str, ...], reply: str, right: str
) -> None:
    documented = ["~stats", "~optrec:*", "&fastopts:updates:*", "+mget"]
    assert RefusedCommand(Trial(parts), reply).right(documented) == right


def test_no_trial_names_a_key_that_a_collector_uses() -> None:
    real = {keys.FEED, keys.STATS, keys.LEASE}
    for trial in QUEUED:
        is_write = trial.parts[0] in ("SET", "DEL", "HSET", "SADD", "SREM", "EXPIRE", "PEXPIRE")
        assert not (is_write and real & set(trial.parts)), trial


def test_every_list_has_commands_of_its_own() -> None:
    assert {trial.command for trial in READING} >= {"mget", "subscribe", "hello"}
    assert {trial.command for trial in PREPARING} >= {"multi", "exec", "watch"}
    assert {trial.command for trial in QUEUED} >= {"hset", "publish", "client|kill"}
