from collections.abc import Mapping
from typing import final

from fastopts.core.pure import Tick

@final
class Grammar:
    topic_prefix: str
    fields: dict[str, int]
    def __init__(self, topic_prefix: str, fields: Mapping[str, int]) -> None: ...

def parse(payload: bytes, grammar: Grammar) -> Tick | None: ...
def is_usual(payload: bytes, grammar: Grammar) -> bool: ...
