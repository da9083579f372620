"""Checks whether the Redis user may send all commands of readers and of a collector.

Nothing is changed. The commands of a collector are queued in a transaction that is never executed:
a server checks rights, command names, its role and its memory when it queues a command. As a second
safeguard they name keys that no collector uses.
"""

import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from fastopts import keys
from fastopts.cli.doctor.check import Finding, green, red, yellow
from fastopts.errors import StoreError
from fastopts.net.redis import blocking
from fastopts.net.redis.address import Address
from fastopts.net.redis.resp import ReplyList, pack
from fastopts.session.refusals import judge

__all__ = ("PREPARING", "QUEUED", "READING", "Trial", "try_reading", "try_writing")

TIMEOUT_S: Final = 3.0  # of all commands together, which are sent in one go
_SYMBOL: Final = "FASTOPTS-DOCTOR"  # not the symbol of an option
_OPTION, _RECORD = keys.option(_SYMBOL), keys.record(_SYMBOL)
_INSTRUMENT, _ASSET = keys.instrument(_SYMBOL), keys.asset("DOCTOR")
_CHANNEL: Final = keys.updates("0" * 16)
_ABORTED: Final = "EXECABORT Transaction discarded because of: "  # precedes the reason
_FIELD: Final = "doctor"  # a field that no hash has


@dataclass(frozen=True, slots=True)
class Trial:
    """One command with arguments; *is_sub*: its first argument is a subcommand."""

    parts: tuple[str, ...]
    is_sub: bool = False

    @property
    def command(self) -> str:
        """The name under which an ACL grants the command, such as `client|kill`."""
        return "|".join(self.parts[: 1 + self.is_sub]).lower()


@dataclass(frozen=True, slots=True)
class RefusedCommand:
    """A command of the trial, and the error that the server replied."""

    trial: Trial
    reply: str

    @property
    def is_denied(self) -> bool:
        """Whether the user may not run this command at all, whatever the key."""
        return self.reply.startswith("NOPERM") and "command" in self.reply

    def right(self, rights: Sequence[str]) -> str:
        """The right to grant, taken from the documented *rights*."""
        if self.is_denied:
            return f"+{self.trial.command}"
        kind = "&" if "channel" in self.reply else "~"
        patterns = [right for right in rights if right.startswith(kind)]
        arguments = self.trial.parts[1:]
        matching = [p for p in patterns if any(fnmatchcase(a, p[1:]) for a in arguments)]
        return " ".join(matching or patterns)


def _plain(*commands: str) -> tuple[Trial, ...]:
    return tuple(Trial(tuple(command.split(" "))) for command in commands)


READING: Final = _plain(
    *("PING", "INFO", "TIME", f"MGET {_RECORD}", f"EXISTS {_OPTION}", "DBSIZE"),
    *(f"HGETALL {key}" for key in (_OPTION, keys.FEED, keys.STATS)),
    *(f"HMGET {_INSTRUMENT} strike", f"SMEMBERS {_ASSET}", "SELECT {db}"),
    *("HELLO 3", f"SUBSCRIBE {_CHANNEL}"),  # last: they change the protocol
)
PREPARING: Final = (
    *_plain("PING", "INFO", "TIME", "SELECT {db}", "UNWATCH"),
    *_plain(f"WATCH {keys.LEASE}", f"WATCH {keys.FEED}"),
    *(Trial(("CLIENT", "ID"), is_sub=True), *_plain("MULTI", "EXEC")),
)
QUEUED: Final = (
    *_plain(f"GET {keys.LEASE}", f"SET {_RECORD} 0 KEEPTTL", f"DEL {_RECORD}", f"EXISTS {_OPTION}"),
    *_plain(f"EXPIRE {_OPTION} 60", f"PEXPIRE {_RECORD} 60000", f"HGET {keys.FEED} venue"),
    *_plain(f"HMGET {keys.FEED} epoch", f"HKEYS {keys.STATS}", f"HSET {_OPTION} tm 0"),
    *_plain(*(f"HDEL {key} {_FIELD}" for key in (_INSTRUMENT, keys.STATS, keys.FEED, keys.LEASE))),
    *_plain(f"SADD {_ASSET} {_SYMBOL}", f"SREM {_ASSET} {_SYMBOL}", f"SCARD {_ASSET}"),
    *_plain(f"SMEMBERS {_ASSET}", f"PUBLISH {_CHANNEL} {_FIELD}"),
    *(Trial(("CLIENT", "KILL", "ID", "1"), is_sub=True),),
    *(Trial(("PUBSUB", "NUMSUB", _CHANNEL), is_sub=True),),
)


def try_reading(address: Address, info: Mapping[str, str]) -> Finding:
    """Send every command that readers send, and judge the replies. Raises StoreError or OSError."""
    with blocking.connect(address, TIMEOUT_S) as connection:
        refused = _refused(connection, READING, address.db)
    if not refused:
        return green(f"all {len(_names(READING))} commands of readers are permitted")
    remedy = _remedy(refused, address, info, keys.READER_RIGHTS)
    # a user with the rights of a collector only: intended, and no fault of the server
    if {"mget", "subscribe"} <= _denied(refused):
        return yellow("this user may only write: readers need another user", remedy)
    return red(_summary(refused), remedy)


def try_writing(address: Address, info: Mapping[str, str]) -> Finding:
    """Let the server judge every command that a collector sends. Raises StoreError or OSError."""
    with blocking.connect(address, TIMEOUT_S) as connection:
        refused = _refused(connection, PREPARING, address.db)
    # without a transaction the commands would be executed
    if not any(each.trial.command in ("multi", "exec") for each in refused):
        refused += _refused_in_transaction(address)
    if not refused:
        total = len(_names((*PREPARING, *QUEUED)))
        return green(f"all {total} commands of a collector are permitted")
    remedy = _remedy(refused, address, info, keys.WRITER_RIGHTS)
    denied = _denied(refused)
    if {"multi", "watch"} <= denied or {"set", "hset", "sadd"} <= denied:
        return yellow("this user may only read: a collector needs another user", remedy)
    return red(_summary(refused), remedy)


def _denied(refused: Sequence[RefusedCommand]) -> set[str]:
    return {each.trial.command for each in refused if each.is_denied}


def _refused_in_transaction(address: Address) -> list[RefusedCommand]:
    with blocking.connect(address, TIMEOUT_S) as connection:
        # MULTI alone, and checked: without a transaction the commands behind it would be executed
        if _exchange(connection, [("MULTI",)]) != ["OK"]:
            raise StoreError("the server did not start a transaction")
        return _refused(connection, QUEUED, address.db)


def _refused(connection: socket.socket, trials: Sequence[Trial], db: int) -> list[RefusedCommand]:
    commands = [tuple(part.format(db=db) for part in trial.parts) for trial in trials]
    replies = _exchange(connection, commands)
    return [
        RefusedCommand(trial, reply.reply.removeprefix(_ABORTED))
        for trial, reply in zip(trials, replies, strict=True)
        if isinstance(reply, StoreError)
    ]


def _exchange(connection: socket.socket, commands: Sequence[tuple[str, ...]]) -> list[object]:
    replies = ReplyList(len(commands))
    deadline = time.monotonic() + TIMEOUT_S
    connection.sendall(b"".join(pack(*command) for command in commands))
    while not replies.done:
        data = connection.recv(65536)
        if not data:
            raise ConnectionResetError("connection closed by the server")
        replies.acknowledge(memoryview(data), 0, len(data))
        if time.monotonic() > deadline:
            raise TimeoutError(f"no reply within {TIMEOUT_S:g} s")
    return replies.values


def _names(trials: Sequence[Trial]) -> set[str]:
    return {trial.command for trial in trials}


def _summary(refused: Sequence[RefusedCommand]) -> str:
    """The refused commands, grouped by the server's reply."""
    by_reply: dict[str, list[str]] = {}
    for each in refused:
        kind = "NOPERM" if each.is_denied else each.reply
        names = by_reply.setdefault(kind, [])
        name = each.trial.command.replace("|", " ").upper()
        if name not in names:
            names.append(name)
    return "; ".join(f"{', '.join(names)}: {reply}" for reply, names in by_reply.items())


def _remedy(
    refused: Sequence[RefusedCommand], address: Address, info: Mapping[str, str], documented: str
) -> str:
    """The remedy for the most fundamental fault: a wrong server before missing rights."""
    replies = [each.reply for each in refused]
    for first in ("MOVED", "CROSSSLOT", "CLUSTERDOWN"):
        if any(reply.startswith(first) for reply in replies):
            return "use a server that is not a cluster node: --redis-url"
    if any(reply.startswith("READONLY") for reply in replies):
        master = f"{info.get('master_host', '')}:{info.get('master_port', '')}".strip(":")
        return "this is a read-only replica: use its master" + (f", {master}" if master else "")
    if any("unknown command" in reply for reply in replies):
        return (
            "the server has renamed or disabled the command: remove its rename-command, or use"
            " another server"
        )
    denied = [each for each in refused if each.reply.startswith("NOPERM")]
    if denied:
        rights = list(dict.fromkeys(each.right(documented.split()) for each in denied))
        user = address.username or "default"
        return f"ACL SETUSER {user} {' '.join(rights)} (all rights: docs/security.md)"
    return judge(replies[0]).remedy
