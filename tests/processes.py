"""The environment of the processes that tests start."""

import os

__all__ = ("environ",)


def environ(**more: str) -> dict[str, str]:
    """Ours without settings of fastopts or of the terminal, warnings being errors, and *more*."""
    strange = ("FASTOPTS_", "REDIS_", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    return kept | {"PYTHONWARNINGS": "error"} | more
