"""`Uncopied`: what holds a connection, a thread or a task, and so can't be copied or pickled."""

from typing import NoReturn, SupportsIndex

__all__ = ("Uncopied",)


class Uncopied:
    """Raises TypeError from `copy.copy`, `copy.deepcopy` and `pickle.dumps`."""

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> NoReturn:
        name = type(self).__name__
        raise TypeError(
            f"{name} holds a connection, and can't be copied or pickled: make another one, in each"
            " process its own"
        )
