"""A disk that is full."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("full_after",)


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process grows beyond *size* bytes: the write that would do it fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
