"""A Redis in a dict, for the few commands that a batch consists of."""

from typing import Any

import hiredis


class ModelRedis:
    """Executes RESP commands; a key or channel in `refusing` is answered with an error."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.ttl_s: dict[str, int] = {}
        self.refusing: set[str] = set()
        self.commands: list[list[str | bytes]] = []
        self.published: list[tuple[str, bytes]] = []
        self._queued: list[list[bytes]] | None = None

    def feed(self, data: bytes) -> bytes:
        """Return the replies to the commands in *data*."""
        reader = hiredis.Reader()
        reader.feed(data)
        replies = b""
        while (command := reader.gets()) is not False:
            replies += self._command(command)
        assert not reader.has_data()
        return replies

    def _command(self, words: list[bytes]) -> bytes:
        name = words[0]
        self.commands.append([words[0].decode(), *(word.decode("latin-1") for word in words[1:])])
        if name == b"MULTI":
            self._queued = []
            return b"+OK\r\n"
        if name == b"EXEC":
            assert self._queued is not None
            queued, self._queued = self._queued, None
            return b"*%d\r\n" % len(queued) + b"".join(map(self._execute, queued))
        if self._queued is not None:
            self._queued.append(words)
            return b"+QUEUED\r\n"
        return self._execute(words)

    def _execute(self, words: list[bytes]) -> bytes:
        name, key = words[0], words[1].decode()
        if name == b"PUBLISH":
            if key in self.refusing:
                return b"-NOPERM No permissions to access a channel\r\n"
            self.published.append((key, words[2]))
            return b":1\r\n"
        if key in self.refusing:
            return b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
        if name == b"HSET":
            hash_ = self.keys.setdefault(key, {})
            pairs = dict(zip(words[2::2], words[3::2], strict=True))
            added = len(pairs.keys() - hash_.keys())
            hash_.update(pairs)
            return b":%d\r\n" % added
        if name == b"HDEL":
            gone = [self.keys[key].pop(field, None) for field in words[2:]]
            return b":%d\r\n" % (len(gone) - gone.count(None))
        if name == b"EXPIRE":
            self.ttl_s[key] = int(words[2])
            return b":1\r\n"
        assert name == b"SET"
        self.keys[key] = words[2]
        if words[3] == b"EX":
            self.ttl_s[key] = int(words[4])
        else:
            assert words[3:] == [b"KEEPTTL"]
        return b"+OK\r\n"

    def hash(self, key: str) -> dict[str, str]:
        return {name.decode(): text.decode() for name, text in self.keys[key].items()}
