from collections.abc import Mapping
from typing import Self, final

from fastopts.core.pure import TickerMessage

@final
class Grammar:
    topic_prefix: str
    fields: dict[str, int]
    def __new__(cls, topic_prefix: str, fields: Mapping[str, int]) -> Self: ...

def parse(payload: bytes, grammar: Grammar) -> TickerMessage | None: ...
def is_usual(payload: bytes, grammar: Grammar) -> bool: ...
