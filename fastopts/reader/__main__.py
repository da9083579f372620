"""`python -m fastopts.reader`: print the market on one screen, from the Redis of the settings.

Exit codes: 0 success, 1 no live feed or no Redis, 2 invalid setting.
"""

import os
import sys
from typing import TYPE_CHECKING

from fastopts import config, ending, stdio

if TYPE_CHECKING:
    from fastopts.reader.reader import OptionReader


def main() -> int:
    """Print the summary; return the exit code."""
    stdio.prepare()
    try:
        from fastopts.reader.objects.summary import summarise

        with _reader() as reader:
            summary = summarise(reader.table(require_live=False).market)
    except ending.EXPECTED as error:
        return ending.exit_code(error)
    with stdio.quiet_pipes():
        print(summary)  # noqa: T201
    return 0 if summary.feed.alive else 1


def _reader() -> "OptionReader":
    from fastopts.reader.reader import OptionReader

    settings = config.load({}, os.environ, config.read_file(os.environ))
    url, password = settings.redis_url, settings.redis_password
    return OptionReader(
        url.reveal() if url else "redis://localhost:6379",
        "bybit-testnet" if settings.testnet else settings.venue,
        password=password.reveal() if password else None,
    )


if __name__ == "__main__":
    sys.exit(main())
