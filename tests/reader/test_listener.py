"""The listener of a mirror."""

import pytest

from fastopts.reader import BadInput
from fastopts.reader.mirrors.listener import NullListener, check_listener


def test_an_object_with_all_methods_is_a_listener() -> None:
    listener = NullListener()
    assert check_listener(listener) is listener
    listener.changed(["A"])
    listener.revived()
    listener.relisted()
    listener.broke("down")
    listener.resumed()


@pytest.mark.parametrize("name", ["changed", "revived", "relisted", "broke", "resumed"])
def test_an_object_that_lacks_a_method_is_refused_with_its_name(name: str) -> None:
    listener = NullListener()
    setattr(listener, name, None)
    with pytest.raises(BadInput, match=f"has no method {name}"):
        check_listener(listener)


@pytest.mark.parametrize("listener", [None, print, NullListener])
def test_anything_else_is_refused(listener: object) -> None:
    with pytest.raises(BadInput, match=r"^listener: "):
        check_listener(listener)
