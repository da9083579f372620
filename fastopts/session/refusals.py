"""What a refusal of the database means, and who has to do what about it."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

__all__ = ("Consequence", "Refusal", "judge")


class Consequence(Enum):
    """What follows for the writer."""

    KEY = auto()  # one key is at fault: leave it for a while, write the others
    WAIT = auto()  # nothing can be written now: keep state in memory, try again later
    RECONNECT = auto()  # this server is the wrong one now: connect anew
    DENIED = auto()  # we may not: try again slowly
    UNKNOWN = auto()  # as WAIT while running, an end when it is the first answer


@dataclass(frozen=True, slots=True)
class Refusal:
    consequence: Consequence
    remedy: str


_BY_PREFIX: Final = {
    "WRONGTYPE": Refusal(Consequence.KEY, "another program keeps something else under this key"),
    "OOM": Refusal(Consequence.WAIT, "raise maxmemory, or free memory"),
    "MISCONF": Refusal(Consequence.WAIT, "the server can't save to disk: see its log"),
    "LOADING": Refusal(Consequence.WAIT, "the server is loading its data"),
    "BUSY": Refusal(Consequence.WAIT, "a script blocks the server"),
    "MASTERDOWN": Refusal(Consequence.WAIT, "the replica has lost its master"),
    "NOREPLICAS": Refusal(Consequence.WAIT, "min-replicas-to-write is not met"),
    "CLUSTERDOWN": Refusal(Consequence.WAIT, "the cluster is down"),
    "READONLY": Refusal(Consequence.RECONNECT, "the server is a replica: name the master"),
    "NOAUTH": Refusal(
        Consequence.DENIED, "set REDIS_PASSWORD, or put the password in the URL, and start again"
    ),
    "WRONGPASS": Refusal(
        Consequence.DENIED, "check REDIS_PASSWORD and the URL's user, and start again"
    ),
    "NOPERM": Refusal(
        Consequence.DENIED, "give this user the rights that a writer needs: see docs/security.md"
    ),
}
_MANY_CLIENTS: Final = Refusal(Consequence.WAIT, "raise maxclients, or close other clients")
_OTHER: Final = Refusal(Consequence.UNKNOWN, "the server's words say it all")


def judge(words: str) -> Refusal:
    """Judge an error reply by its first word."""
    if words.startswith("ERR max number of clients"):
        return _MANY_CLIENTS
    return _BY_PREFIX.get(words.split(" ", 1)[0], _OTHER)
