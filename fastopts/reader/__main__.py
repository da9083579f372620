"""`python -m fastopts.reader`: the market on one screen, out of the Redis of the settings.

Exit codes: 0 done, 1 there is no live feed, 2 a setting is wrong.
"""

import os
import sys

from fastopts import config, stdio
from fastopts.errors import ConfigError, FastoptsError, one_line
from fastopts.reader.reader import OptionReader
from fastopts.reader.summary import summarise


def main() -> int:
    """Print the summary; return the exit code."""
    stdio.prepare()
    try:
        with _reader() as reader:
            summary = summarise(reader.table(require_live=False).market)
    except FastoptsError as error:
        stdio.complain(f"fastopts: {one_line(str(error))}")
        return 2 if isinstance(error, ConfigError) else 1
    with stdio.quiet_pipes():
        print(summary)  # noqa: T201
    return 0 if summary.feed.alive else 1


def _reader() -> OptionReader:
    settings = config.load({}, os.environ, config.read_file(os.environ))
    url, password = settings.redis_url, settings.redis_password
    return OptionReader(
        url.reveal() if url else "redis://localhost:6379",
        "bybit-testnet" if settings.testnet else settings.venue,
        password=password.reveal() if password else None,
    )


if __name__ == "__main__":
    sys.exit(main())
