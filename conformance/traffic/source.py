"""Opening a file of recorded traffic, packed or not, so that reading it stays bounded."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from conformance.traffic.limits import BLOCK, MAX_UNPACKED, HopelessError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP_MAGIC = b"\x1f\x8b"


def open_source(path: Path) -> io.BufferedReader:
    """Open ``path`` for reading, unpacking it when its first bytes say that it is gzip data.

    Raises OSError as :func:`open` does. Reading raises HopelessError for damaged or endless gzip
    data.
    """
    file: io.BufferedReader = io.BufferedReader(io.FileIO(path), BLOCK)
    if file.peek(2)[:2] != _GZIP_MAGIC:
        return file
    return io.BufferedReader(_Unpacked(file), BLOCK)


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of a gzip file, up to a limit."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._gzip = gzip.GzipFile(fileobj=file)
        self._left = MAX_UNPACKED

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        try:
            data = self._gzip.read1(len(view))
        except EOFError:
            raise HopelessError("ends in the middle of gzip data") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise HopelessError(f"damaged gzip data: {error}") from None
        self._left -= len(data)
        if self._left < 0:
            raise HopelessError(f"expands beyond {MAX_UNPACKED} bytes")
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._gzip.close()
        self._file.close()
        super().close()
