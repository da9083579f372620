"""A mirror of all symbols: read from, and held."""

from bench.reader.contenders.common import Call, Workload, serve
from bench.reader.contenders.fastopts_reader import connect
from fastopts.reader.mirrors.mirror import Mirror


def get(workload: Workload) -> Call:
    """Read one option out of the mirror."""
    mirror, symbol = connect(workload).mirror(workload.universe), workload.symbols[0]
    return Call(lambda: mirror.get(symbol), lambda option: option.live)


def hold(workload: Workload) -> Call:
    """Create the mirror by the first call; before it, there is only a connected reader."""
    reader = connect(workload)
    reader.get(workload.symbols[0])
    mirrors: list[Mirror] = []
    return Call(
        lambda: mirrors.append(reader.mirror(workload.universe)),
        lambda _: len(mirrors[0]) == len(workload.universe),
    )


if __name__ == "__main__":
    serve(get, hold)
