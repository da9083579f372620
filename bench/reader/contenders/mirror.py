"""A mirror of everything: read from, and held."""

from bench.reader.contenders.common import Call, Market, serve
from bench.reader.contenders.ours import reader_of
from fastopts.reader.mirrors.mirror import Mirror


def get(market: Market) -> Call:
    mirror, symbol = reader_of(market).mirror(market.everything), market.symbols[0]
    return Call(lambda: mirror.get(symbol), lambda option: option.live)


def hold(market: Market) -> Call:
    """The mirror is made by the call; until then there is only the reader, connected."""
    reader = reader_of(market)
    reader.get(market.symbols[0])
    held: list[Mirror] = []
    return Call(
        lambda: held.append(reader.mirror(market.everything)),
        lambda _: len(held[0]) == len(market.everything),
    )


if __name__ == "__main__":
    serve(get, hold)
