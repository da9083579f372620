"""Whether the server lets this user do all that readers and a collector do; nothing is changed.

The commands of a collector are queued in a transaction that is never executed: a server judges
rights, names, its role and its memory when it queues a command. They also do nothing to real keys.
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

TIMEOUT_S: Final = 3.0
_SYMBOL: Final = "FASTOPTS-DOCTOR"  # no option's
_OPTION, _RECORD = keys.option(_SYMBOL), keys.record(_SYMBOL)
_INSTRUMENT, _ASSET = keys.instrument(_SYMBOL), keys.asset("DOCTOR")
_CHANNEL: Final = keys.updates("0" * 16)
_ABORTED: Final = "EXECABORT Transaction discarded because of: "  # before the refusal of an EXEC
_FIELD: Final = "doctor"  # of no hash


@dataclass(frozen=True, slots=True)
class Trial:
    """One command, and the name under which a user is granted it."""

    words: tuple[str, ...]
    is_sub: bool = False

    @property
    def command(self) -> str:
        return "|".join(self.words[: 1 + self.is_sub]).lower()


@dataclass(frozen=True, slots=True)
class RefusedCommand:
    trial: Trial
    reply: str

    @property
    def is_denied(self) -> bool:
        """Whether the user may not run this command at all."""
        return self.reply.startswith("NOPERM") and "command" in self.reply

    def right(self, rights: Sequence[str]) -> str:
        """What to grant: of *rights*, which are those of the documentation."""
        if self.is_denied:
            return f"+{self.trial.command}"
        kind = "&" if "channel" in self.reply else "~"
        named = [right for right in rights if right.startswith(kind)]
        fitting = [r for r in named if any(fnmatchcase(w, r[1:]) for w in self.trial.words[1:])]
        return " ".join(fitting or named)


def _plain(*commands: str) -> tuple[Trial, ...]:
    return tuple(Trial(tuple(command.split(" "))) for command in commands)


READING: Final = _plain(
    *("PING", "INFO", "TIME", f"MGET {_RECORD}", f"EXISTS {_OPTION}", "DBSIZE"),
    *(f"HGETALL {key}" for key in (_OPTION, keys.FEED, keys.STATS)),
    *(f"HMGET {_INSTRUMENT} strike", f"SMEMBERS {_ASSET}", "SELECT {db}"),
    *("HELLO 3", f"SUBSCRIBE {_CHANNEL}"),  # last: they change what the connection says
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
    """Send every command that readers send. Raises StoreError or OSError."""
    with blocking.connect(address, TIMEOUT_S) as connection:
        refused = _refused(connection, READING, address.db)
    if not refused:
        return green(f"readers may send all of their {len(_names(READING))} commands")
    remedy = _remedy(refused, address, info, keys.READER_RIGHTS)
    if {"mget", "subscribe"} <= _denied(refused):
        return yellow("this user may only write: readers need another", remedy)
    return red(_words(refused), remedy)


def try_writing(address: Address, info: Mapping[str, str]) -> Finding:
    """Have every command that a collector sends judged. Raises StoreError or OSError."""
    with blocking.connect(address, TIMEOUT_S) as connection:
        refused = _refused(connection, PREPARING, address.db)
    if not any(each.trial.command in ("multi", "exec") for each in refused):
        refused += _refused_in_transaction(address)
    if not refused:
        total = len(_names((*PREPARING, *QUEUED)))
        return green(f"a collector may send all of its {total} commands")
    remedy = _remedy(refused, address, info, keys.WRITER_RIGHTS)
    denied = _denied(refused)
    if {"multi", "watch"} <= denied or {"set", "hset", "sadd"} <= denied:
        return yellow("this user may only read: a collector needs another", remedy)
    return red(_words(refused), remedy)


def _denied(refused: Sequence[RefusedCommand]) -> set[str]:
    return {each.trial.command for each in refused if each.is_denied}


def _refused_in_transaction(address: Address) -> list[RefusedCommand]:
    with blocking.connect(address, TIMEOUT_S) as connection:
        # Alone: what follows must not come true where there is no transaction.
        if _exchange(connection, [("MULTI",)]) != ["OK"]:
            raise StoreError("it begins no transaction")
        return _refused(connection, QUEUED, address.db)


def _refused(connection: socket.socket, trials: Sequence[Trial], db: int) -> list[RefusedCommand]:
    commands = [tuple(word.format(db=db) for word in trial.words) for trial in trials]
    replies = _exchange(connection, commands)
    return [
        RefusedCommand(trial, reply.reply.removeprefix(_ABORTED))
        for trial, reply in zip(trials, replies, strict=True)
        if isinstance(reply, StoreError)
    ]


def _exchange(connection: socket.socket, commands: Sequence[tuple[str, ...]]) -> list[object]:
    replies = ReplyList(len(commands))
    deadline = time.monotonic() + TIMEOUT_S
    connection.sendall(b"".join(pack(*words) for words in commands))
    while not replies.done:
        data = connection.recv(65536)
        if not data:
            raise ConnectionResetError("closed by the server")
        replies.acknowledge(memoryview(data), 0, len(data))
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer in {TIMEOUT_S:g} s")
    return replies.values


def _names(trials: Sequence[Trial]) -> set[str]:
    return {trial.command for trial in trials}


def _words(refused: Sequence[RefusedCommand]) -> str:
    """The refused commands, by what the server says of them."""
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
    """What the operator has to do, the most fundamental first."""
    replies = [each.reply for each in refused]
    for first in ("MOVED", "CROSSSLOT", "CLUSTERDOWN"):
        if any(reply.startswith(first) for reply in replies):
            return "name a server that is no node of a cluster: --redis-url"
    if any(reply.startswith("READONLY") for reply in replies):
        master = f"{info.get('master_host', '')}:{info.get('master_port', '')}".strip(":")
        return "this is a read-only replica: name its master" + (f", {master}" if master else "")
    if any("unknown command" in reply for reply in replies):
        return (
            "the server has renamed or disabled it: take out its rename-command, or name a server"
            " that has it"
        )
    denied = [each for each in refused if each.reply.startswith("NOPERM")]
    if denied:
        rights = list(dict.fromkeys(each.right(documented.split()) for each in denied))
        user = address.username or "default"
        return f"ACL SETUSER {user} {' '.join(rights)} (the whole line: docs/security.md)"
    return judge(replies[0]).remedy
