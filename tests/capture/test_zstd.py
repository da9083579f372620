import pytest
import zstandard

from fastopts.capture import zstd


def test_each_chunk_is_a_frame_of_its_own_that_other_libraries_read() -> None:
    compressor = zstd.Compressor()
    for data in (b"a" * 10_000, b"", b"abc"):
        frame = compressor.compress(memoryview(data))
        assert zstandard.decompress(frame, max_output_size=len(data)) == data
        assert zstd.decompress(frame) == data


def test_damaged_data_is_an_error() -> None:
    with pytest.raises(zstd.ZstdError):
        zstd.decompress(b"not zstd")
