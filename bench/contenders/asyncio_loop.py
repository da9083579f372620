"""The collector on asyncio's own event loop: the same command, but uvloop is unavailable."""

import sys

# None in sys.modules makes an import raise ImportError.
sys.modules["uvloop"] = None  # type: ignore[assignment]

from fastopts.track import main  # noqa: E402 - after uvloop has been hidden

if __name__ == "__main__":
    sys.exit(main())
