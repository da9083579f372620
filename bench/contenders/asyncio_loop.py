"""Our collector on asyncio's own event loop: the same command, but uvloop is not to be had."""

import sys

sys.modules["uvloop"] = None  # type: ignore[assignment]

from fastopts.track import main  # noqa: E402 - after uvloop is out of reach

if __name__ == "__main__":
    sys.exit(main())
