import sys
from typing import Self, final

@final
class CaptureChannel:
    number: int
    sequence: int
    def __new__(cls, number: int) -> Self: ...

@final
class CaptureBuffer:
    frames: int
    def __new__(cls) -> Self: ...
    @property
    def counts(self) -> dict[int, int]: ...
    def __len__(self) -> int: ...
    if sys.version_info >= (3, 12):
        def __buffer__(self, flags: int, /) -> memoryview: ...

    def contents(self) -> memoryview: ...
    def clear(self) -> None: ...
    def append(
        self,
        channel: CaptureChannel,
        payload: bytes,
        log_ns: int,
        publish_ns: int,
        is_frame: bool = False,
    ) -> None: ...
    def append_frames(
        self,
        channel: CaptureChannel,
        view: memoryview,
        start: int,
        end: int,
        log_ns: int,
        publish_ns: int,
    ) -> int: ...
