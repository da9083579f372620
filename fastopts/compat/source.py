"""Which Redis the old classes read: arguments, environment, password."""

import os
from functools import cached_property
from typing import TYPE_CHECKING, Final

from fastopts import config
from fastopts.reader import OptionReader

if TYPE_CHECKING:
    from redis import Redis

__all__ = ("CompatSource",)

DEFAULT_URL: Final = "redis://localhost:6379"  # of the old scripts


class CompatSource:
    """The Redis at *url*, which holds the data of *venue*.

    *url* defaults to FASTOPTS_REDIS_URL, then to `DEFAULT_URL`; *password*, in the URL or as an
    argument, to REDIS_PASSWORD. Raises ConfigError for a malformed URL.
    """

    def __init__(self, venue: str, url: str | None, password: str | None = None) -> None:
        settings = config.load({"redis_url": url}, os.environ, {})
        url_secret, password_secret = settings.redis_url, settings.redis_password
        self._url = url_secret.reveal() if url_secret else DEFAULT_URL
        self._password = password or (password_secret.reveal() if password_secret else None)
        self.reader = OptionReader(self._url, venue, password=self._password)

    @cached_property
    def client(self) -> "Redis":
        """A redis-py client; redis-py is imported at the first access, as few callers need it."""
        from redis import Redis

        return Redis.from_url(
            self._url, password=self._password, decode_responses=True, socket_keepalive=True
        )
