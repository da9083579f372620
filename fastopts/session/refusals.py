"""Redis error replies: what they mean for a writer, and the remedy for the operator."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

__all__ = ("Consequence", "Refusal", "judge")


class Consequence(Enum):
    """How a writer continues after an error reply."""

    KEY = auto()  # one key is at fault: pause writing it, go on with the others
    WAIT = auto()  # nothing can be written for now: keep state in memory, retry later
    RECONNECT = auto()  # this server has become the wrong one: connect again by name
    DENIED = auto()  # missing rights: retry slowly, an operator has to act
    UNKNOWN = auto()  # like WAIT while running; fatal as the first reply of a start


@dataclass(frozen=True, slots=True)
class Refusal:
    """The consequence of an error reply, and a remedy in a few words."""

    consequence: Consequence
    remedy: str


_BY_PREFIX: Final = {
    "WRONGTYPE": Refusal(Consequence.KEY, "another program uses this key for something else"),
    "OOM": Refusal(Consequence.WAIT, "raise maxmemory or free memory"),
    "MISCONF": Refusal(Consequence.WAIT, "the server cannot save to disk: see its log"),
    "LOADING": Refusal(Consequence.WAIT, "the server is loading its data"),
    "BUSY": Refusal(Consequence.WAIT, "a script blocks the server"),
    "MASTERDOWN": Refusal(Consequence.WAIT, "the replica has lost its master"),
    "NOREPLICAS": Refusal(Consequence.WAIT, "min-replicas-to-write is not met"),
    "CLUSTERDOWN": Refusal(Consequence.WAIT, "the cluster is down"),
    # A demoted master: the host name may lead to its successor by now.
    "READONLY": Refusal(Consequence.RECONNECT, "the server is a replica: use the master's address"),
    "NOAUTH": Refusal(
        Consequence.DENIED, "set REDIS_PASSWORD or put the password in the URL, then restart"
    ),
    "WRONGPASS": Refusal(
        Consequence.DENIED, "check REDIS_PASSWORD and the user in the URL, then restart"
    ),
    "NOPERM": Refusal(
        Consequence.DENIED, "grant this user the rights of a writer: see docs/security.md"
    ),
}
_MAX_CLIENTS: Final = Refusal(Consequence.WAIT, "raise maxclients or close other clients")
_OTHER: Final = Refusal(Consequence.UNKNOWN, "see the Redis documentation of this error")


def judge(reply: str) -> Refusal:
    """Judge the text of an error reply by its first word, which Redis documents as its code."""
    if reply.startswith("ERR max number of clients"):  # the one state that has no code of its own
        return _MAX_CLIENTS
    return _BY_PREFIX.get(reply.split(" ", 1)[0], _OTHER)
