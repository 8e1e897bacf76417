"""Writes PDF files object by object, for what no library would write."""

import io


class RawFile:
    """The bytes of a file to be, and where its objects stand."""

    def __init__(self, version: str) -> None:
        self._out = io.BytesIO()
        self._out.write(b"%%PDF-%b\n%%\xe2\xe3\xcf\xd3\n" % version.encode())
        self.offsets: dict[int, int] = {}

    @property
    def position(self) -> int:
        """Where the next object will stand."""
        return self._out.tell()

    def write(self, number: int, body: bytes) -> None:
        """An object."""
        self.offsets[number] = self.position
        self._out.write(b"%d 0 obj\n%b\nendobj\n" % (number, body))

    def finish(self, trailer: bytes) -> bytes:
        """The table and the trailer; objects that were not written are free."""
        at, size = self.position, max(self.offsets) + 1
        rows = (
            b"%010d 00000 n \n" % self.offsets[number] if number in self.offsets else b"0000000000 65535 f \n"
            for number in range(size)
        )
        self._out.write(b"xref\n0 %d\n%b" % (size, b"".join(rows)))
        self._out.write(b"trailer\n<</Size %d %b>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, at))
        return self._out.getvalue()


def stream(entries: bytes, data: bytes) -> bytes:
    """A stream's body."""
    return b"<<%b /Length %d>>\nstream\n%b\nendstream" % (entries, len(data), data)
