"""Standard streams that are open and print every character, in ASCII if they have to."""

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import IO, Final

__all__ = ("complain", "give_up", "prepare", "quiet_pipes")

ERRORS: Final = "fastopts.ascii"
_BRAILLE: Final = range(0x2800, 0x2900)
_BOX: Final = range(0x2500, 0x2580)
_BLOCKS: Final = range(0x2580, 0x25A0)
_BRAILLE_DOTS: Final = " ..::####"  # by the number of dots

# One character each, so that columns stay aligned.
_ASCII: Final = {
    **dict.fromkeys("─━═╌╍┄┅┈┉–—−‐‑‒―", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋", "|"),
    **dict.fromkeys("·…․", "."),
    **dict.fromkeys("●•✓✔∙", "*"),
    **dict.fromkeys("■□", "#"),
    **dict.fromkeys("◆◇○", "o"),
    **dict.fromkeys("×✕✗✖✘", "x"),
    **dict.fromkeys("→▸▶►›»≥", ">"),
    **dict.fromkeys("←◂◀◄‹«≤", "<"),
    **dict.fromkeys("↑▲△▴", "^"),
    **dict.fromkeys("↓▼▽▾", "v"),
    **dict.fromkeys("‘’‚", "'"),
    **dict.fromkeys("“”„", '"'),
    **dict(zip("ΔδΓγΘθσ±°", "DdGgTts~o", strict=True)),
}


def prepare() -> None:
    """Open closed standard streams on the null device; replace characters that can't be encoded.

    Call it before anything else is opened: the descriptor of a closed stream would go to the next
    socket, to which printed text would then be sent, and libuv aborts when it closes such a number.
    """
    for number in range(3):
        _open(number)
    # They stay open for as long as the process lives.
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    codecs.register_error(ERRORS, _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)


def complain(message: str) -> None:
    """Print *message* to standard error; failures are ignored."""
    try:
        print(message, file=sys.stderr, flush=True)  # noqa: T201
    except OSError:
        give_up(sys.stderr)


def give_up(stream: IO[str]) -> None:
    """Redirect *stream*, whose reader is gone, to the null device.

    Otherwise the interpreter's last flush prints an error and changes the exit code.
    """
    with contextlib.suppress(OSError, ValueError):  # it has no descriptor, or is closed
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


@contextlib.contextmanager
def quiet_pipes() -> Iterator[None]:
    """End the block without an error if the reader of standard output is gone, as in `| head`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        give_up(sys.stdout)


def _open(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)
        os.set_inheritable(number, True)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that can't be encoded by similar ones of ASCII: an error handler."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(map(_similar, text)), error.end


def _similar(character: str) -> str:
    code = ord(character)
    if character in _ASCII:
        return _ASCII[character]
    if code in _BRAILLE:
        return _BRAILLE_DOTS[(code - _BRAILLE.start).bit_count()]
    if code in _BOX:
        return "+"
    if code in _BLOCKS:
        return "#"
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain[:1] or "?"
