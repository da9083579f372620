"""Where the old names read from."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

from fastopts import config
from fastopts.reader import OptionReader

if TYPE_CHECKING:
    from redis import Redis

__all__ = ("Source",)

DEFAULT_URL = "redis://localhost:6379"


class Source:
    """The Redis at *url*, which holds the data of *venue*.

    Without a *url* it is FASTOPTS_REDIS_URL, else localhost; without a *password*, in the URL or
    beside it, REDIS_PASSWORD. Raises ConfigError for one that can't be read.
    """

    def __init__(self, venue: str, url: str | None, password: str | None = None) -> None:
        settings = config.load({"redis_url": url}, os.environ, {})
        told, secret = settings.redis_url, settings.redis_password
        self._url = told.reveal() if told else DEFAULT_URL
        self._password = password or (secret.reveal() if secret else None)
        self.reader = OptionReader(self._url, venue, password=self._password)

    @cached_property
    def client(self) -> "Redis":
        """A redis-py client of its own, which is not loaded before."""
        from redis import Redis

        return Redis.from_url(
            self._url, password=self._password, decode_responses=True, socket_keepalive=True
        )
