"""Files that come in, as streams: nothing is buffered whole, in memory or on disk."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from esign_kit.errors import InvalidInput
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


def media_type_of(request: Request) -> str:
    """The request's media type without parameters, lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def file_chunks(request: Request) -> AsyncIterator[bytes]:
    """The bytes of the uploaded file: the body itself, or of multipart/form-data the one part that is named `file`.

    Raises InvalidInput when the multipart body is malformed, or holds no such part or several, or nothing was sent.
    """
    chunks = _multipart_file(request) if media_type_of(request) == "multipart/form-data" else request.stream()
    empty = True
    async for chunk in chunks:
        if chunk:
            empty = False
            yield chunk
    if empty:
        raise InvalidInput("FILE_EMPTY", zh="没有收到文件", en="No file was received")


async def _multipart_file(request: Request) -> AsyncIterator[bytes]:
    _, options = parse_options_header(request.headers["content-type"])
    parts = _Parts()
    malformed = InvalidInput("MULTIPART_MALFORMED", zh="上传格式不正确", en="The multipart body is malformed")
    if not options.get(b"boundary"):
        raise malformed
    try:
        parser = MultipartParser(options[b"boundary"], parts.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
            for piece in parts.take():
                yield piece
        parser.finalize()
    except FormParserError:
        raise malformed from None
    if parts.files != 1 or not parts.ended:
        raise InvalidInput("FILE_PART_REQUIRED", zh="请上传一个文件", en="Send exactly one part named `file`")


class _Parts:
    """Listens to the multipart parser and keeps only what belongs to the part named `file`."""

    def __init__(self) -> None:
        self.files = 0
        self.ended = False
        self._in_file = False
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._pieces: list[bytes] = []

    def take(self) -> list[bytes]:
        """What came since the last time."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def callbacks(self) -> "MultipartCallbacks":
        """For the parser."""
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, start, end: self._header_name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._in_file = False

    def _header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._header_value))
            if options.get(b"name") == b"file":
                self.files += 1
                self._in_file = self.files == 1
        self._header_name.clear()
        self._header_value.clear()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])

    def _end(self) -> None:
        self.ended = True
