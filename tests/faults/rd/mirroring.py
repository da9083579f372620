"""A mirror in a process of its own: for each symbol on its standard input, what it has of it.

``python -m tests.faults.rd.mirroring URL`` answers with a mark price, or the name of an error.
"""

import sys

from fastopts.errors import FastoptsError
from fastopts.reader import OptionReader


def main() -> None:
    with OptionReader(sys.argv[1]) as reader, reader.mirror() as mirror:
        for line in sys.stdin:
            try:
                answer = str(mirror.get(line.strip()).mark_price)
            except FastoptsError as error:
                answer = type(error).__name__
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
