"""Files that say the same in many ways, and files that are not quite right."""

import io
import re
from pathlib import Path

import pikepdf
from pikepdf import Name, ObjectStreamMode, Pdf

from esign_golden.drawing import document, save
from esign_golden.raw import RawFile, stream


def object_streams(path: Path) -> None:
    """Everything in object streams, as most programs write today."""
    save(document(3), path, object_stream_mode=ObjectStreamMode.generate)


def linearised(path: Path) -> None:
    """Ordered for reading over a network."""
    save(document(3), path, linearize=True)


def hybrid(path: Path) -> None:
    """A cross-reference table for old readers and a stream for new ones (ISO 32000-2, 7.5.8.4), as Word writes them: the
    second page's content is drawn with a colour space that only the stream knows."""
    file = RawFile("1.5")
    file.write(1, b"<</Type/Catalog /Pages 2 0 R>>")
    file.write(2, b"<</Type/Pages /Count 2 /Kids[3 0 R 4 0 R] /MediaBox[0 0 595 842]>>")
    for page, content in ((3, 5), (4, 6)):
        file.write(page, b"<</Type/Page /Parent 2 0 R /Contents %d 0 R /Resources<</ColorSpace 8 0 R>>>>" % content)
    file.write(5, stream(b"", b"0 0 1 RG 20 20 555 802 re S"))
    file.write(6, stream(b"", b"/C cs 0.2 0.7 0.3 sc 100 400 200 200 re f"))
    file.write(7, stream(b"/Type/ObjStm /N 1 /First 4", b"8 0 <</C /DeviceRGB>>"))
    at = file.position
    rows = b"\x01" + file.offsets[7].to_bytes(4, "big") + b"\x00" + b"\x02" + (7).to_bytes(4, "big") + b"\x00"
    file.write(9, stream(b"/Type/XRef /W[1 4 1] /Index[7 2] /Size 10 /Root 1 0 R", rows))
    path.write_bytes(file.finish(b"/Root 1 0 R /XRefStm %d" % at))


def damaged(path: Path) -> None:
    """Every offset is wrong: a program counted line ends as one byte."""
    save(document(3), path)
    content = path.read_bytes()
    content = re.sub(rb"startxref\n(\d+)", lambda found: b"startxref\n%d" % (int(found[1]) - 31), content)
    path.write_bytes(content.replace(b"\n0000000015 00000 n", b"\n0000000022 00000 n"))


def broken_metadata(path: Path) -> None:
    """An XMP packet that is no XML."""
    pdf = document(1)
    pdf.Root["/Metadata"] = pikepdf.Stream(pdf, b"<x:xmpmeta><unclosed", Type=Name.Metadata, Subtype=Name.XML)
    save(pdf, path, fix_metadata_version=False)


def updated(path: Path) -> None:
    """Written, then appended to three times, without signatures; junk stands before the header."""
    save(document(2), path)
    content = path.read_bytes()
    with Pdf.open(io.BytesIO(content)) as pdf:
        root, size = pdf.Root.objgen[0], int(pdf.trailer["/Size"])
        pages = pdf.Root["/Pages"].objgen[0]
    for _ in range(3):
        at = len(content)
        before = int(content[content.rindex(b"startxref") :].split()[1])
        update = b"%d 0 obj\n<</Type/Catalog /Pages %d 0 R /PageLayout/SinglePage>>\nendobj\n" % (root, pages)
        update += (
            b"xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size %d /Root %d 0 R /Prev %d>>\nstartxref\n%d\n%%%%EOF\n"
            % (
                root,
                at,
                size,
                root,
                before,
                at + len(update),
            )
        )
        content += update
    path.write_bytes(b"\r\n\r\n" + content)
