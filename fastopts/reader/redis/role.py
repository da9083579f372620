"""Whether the server is a replica, as far as a reader may know."""

from typing import Any, Final

from fastopts.errors import FastoptsError, FeedDown, one_line
from fastopts.net.redis.resp import pack

__all__ = ("ASK", "explained", "master_of")

ASK: Final = pack("INFO", "replication")


def master_of(answer: Any) -> str | None:
    """The address of the master of a replica that gave this *answer* to ASK; None of a master, or
    where the answer is a refusal."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    if not isinstance(text, str):
        return None
    pairs = (line.partition(":") for line in text.splitlines())
    fields = {name: value.strip() for name, _, value in pairs}
    if fields.get("role") != "slave":
        return None
    return one_line(f"{fields.get('master_host', '?')}:{fields.get('master_port', '?')}")


def explained(problem: FastoptsError, master: str | None) -> FastoptsError:
    """The *problem*, and that the server is a replica of *master*, which may be why."""
    if master is None or not isinstance(problem, FeedDown):
        return problem
    return FeedDown(f"{problem}; this server is a replica of {master}")
