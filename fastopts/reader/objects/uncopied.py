"""`Uncopied`: base of classes that own a connection, thread or task, and can't be copied."""

from typing import NoReturn, SupportsIndex

__all__ = ("Uncopied",)


class Uncopied:
    """Raises TypeError from `copy.copy`, `copy.deepcopy` and `pickle.dumps`.

    Without it a copy would share a socket with the original, and fail at its first read only.
    """

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        name = type(self).__name__
        raise TypeError(
            f"{name} holds a connection, and can't be copied or pickled: make another one, in each"
            " process its own"
        )
