"""A machine where a library is not installed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec

__all__ = ("without",)


class _Refusing:
    """Finds none of *names*, as if nobody had installed them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def find_spec(self, name: str, _path: object, _target: object = None) -> ModuleSpec | None:
        if name.split(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Refuse the import of the libraries *names*, loaded or not."""
    loaded = {name: module for name, module in sys.modules.items() if name.split(".")[0] in names}
    finder = _Refusing(names)
    for name in loaded:
        del sys.modules[name]
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.modules.update(loaded)
