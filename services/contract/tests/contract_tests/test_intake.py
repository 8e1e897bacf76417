"""What is taken in and what is not, on real bytes, in real worker processes."""

import asyncio
import hashlib
import io
import os
import time
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from esign_contract.adapters.pdf.intake import take_in
from esign_contract.adapters.pdf.process import HEAVY, PdfProcesses
from esign_contract.adapters.pdf.refused import Refused
from esign_contract.domain.document import PageSize, TakenIn, lies_on_page
from esign_contract.domain.refusals import DOCUMENT_CODES
from esign_contract.settings import WorkerSettings
from esign_kit.errors import Conflict, InvalidInput
from esign_kit.refs import Placement
from PIL import Image

from .documents import REFUSED, bomb, build, shifted
from .samples import FONT


def worker(**settings: object) -> PdfProcesses:
    return PdfProcesses(WorkerSettings(**settings), max_pages=20, max_file_bytes=10_000_000, font=FONT)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_documents_are_refused(name: str, tmp_path: Path) -> None:
    code, make = REFUSED[name]
    source = tmp_path / "in.pdf"
    source.write_bytes(make())
    with pytest.raises(Refused) as refusal:
        take_in(source, tmp_path / "out.pdf", 20)
    assert refusal.value.code == code
    assert code in DOCUMENT_CODES


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"object_stream_mode": pikepdf.ObjectStreamMode.generate},
        {"linearize": True},
        {"compress_streams": False},
    ],
)
def test_ordinary_documents_become_clean_and_always_the_same(form: dict[str, Any], tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(build(3, **form))
    taken = take_in(source, tmp_path / "one.pdf", 20)
    take_in(source, tmp_path / "two.pdf", 20)
    clean = (tmp_path / "one.pdf").read_bytes()
    assert taken == TakenIn((PageSize(595_000, 842_000, 0),) * 3)
    assert clean == (tmp_path / "two.pdf").read_bytes()
    assert b"/ObjStm" not in clean
    assert b"/XRef" not in clean
    assert clean.count(b"startxref") == 1


def test_leftovers_that_nothing_refers_to_do_not_count(tmp_path: Path) -> None:
    orphan = b"9 0 obj\n<< /S /JavaScript /JS (x) >>\nendobj\n"
    source = tmp_path / "in.pdf"
    source.write_bytes(build().replace(b"%%EOF", b"%%EOF\n").replace(b"xref\n", orphan + b"xref\n", 1))
    take_in(source, tmp_path / "out.pdf", 20)
    assert b"JavaScript" not in (tmp_path / "out.pdf").read_bytes()


def test_harmless_links_stay(tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String("https://example.com"))
        link = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=pikepdf.Array([1, 1, 9, 9]), A=action
        )
        pdf.pages[0].Annots = pikepdf.Array([link])
        pdf.Root.OpenAction = pikepdf.Array([pdf.pages[0].obj, pikepdf.Name.Fit])

    source = tmp_path / "in.pdf"
    source.write_bytes(build(change=change))
    take_in(source, tmp_path / "out.pdf", 20)
    assert b"https://example.com" in (tmp_path / "out.pdf").read_bytes()


@pytest.mark.parametrize(
    ("packet", "kept"),
    [
        (b"<x:xmpmeta><unclosed", False),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', False),
        (b"<a>no description</a>", False),
        (b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description/></r:RDF>', True),
    ],
)
def test_only_metadata_that_can_be_read_is_kept(packet: bytes, kept: bool, tmp_path: Path) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Metadata = pikepdf.Stream(pdf, packet, Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML)

    source = tmp_path / "in.pdf"
    source.write_bytes(build(change=change, fix_metadata_version=False))
    take_in(source, tmp_path / "out.pdf", 20)
    assert (packet in (tmp_path / "out.pdf").read_bytes()) == kept


async def test_a_page_stays_where_it_lies(tmp_path: Path) -> None:
    source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
    source.write_bytes(shifted())
    taken = await worker().take_in(source, target)
    assert taken.pages == (PageSize(400_000, 600_000, 90, 100_000, 50_000),)
    assert lies_on_page(Placement(1, 100_000, 50_000, 500_000, 650_000), taken.pages)
    assert not lies_on_page(Placement(1, 99_000, 50_000, 200_000, 100_000), taken.pages)
    assert not lies_on_page(Placement(1, 400_000, 50_000, 501_000, 100_000), taken.pages)
    await worker().render(target, tmp_path, [1], 600)
    image = Image.open(tmp_path / "1.webp").convert("RGB")
    assert image.size == (600, 400)
    # The red square at the bottom left stands, after a quarter turn clockwise, at the top left.
    red, _, blue = image.crop((20, 20, 21, 21)).tobytes()
    assert (red > 200, blue < 60) == (True, True)


async def test_a_small_document_does_not_wait_for_a_slow_one(tmp_path: Path) -> None:
    slow, small = tmp_path / "slow.pdf", tmp_path / "small.pdf"
    slow.write_bytes(bomb() + bytes(HEAVY) + b"\n%%EOF\n")
    small.write_bytes(build())
    pdf = worker(memory_mib=4096, cpu_seconds=20)
    tasks = [asyncio.create_task(pdf.take_in(slow, tmp_path / f"slow-{n}")) for n in range(2)]
    await asyncio.sleep(0)
    await pdf.take_in(small, tmp_path / "small-out.pdf")
    await pdf.render(small, tmp_path, [1], 200)
    assert not any(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))


async def test_pages_are_drawn(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(build(3))
    hashes = await worker().render(source, tmp_path, [1, 3], 800)
    assert sorted(hashes) == [1, 3]
    for page, sha256 in hashes.items():
        content = (tmp_path / f"{page}.webp").read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256
        assert Image.open(io.BytesIO(content)).size == (800, 1133)


async def test_a_very_high_page_stays_within_bounds(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(build(change=lambda pdf: pdf.pages[0].obj.__setitem__("/MediaBox", [0, 0, 72, 14400])))
    await worker().render(source, tmp_path, [1], 2000)
    width, height = Image.open(tmp_path / "1.webp").size
    assert height <= 16_383
    assert width * height <= 16_100_000


async def test_a_bomb_kills_its_worker_only(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(bomb())
    with pytest.raises(InvalidInput) as refusal:
        await worker(memory_mib=512, cpu_seconds=5).take_in(source, tmp_path / "out.pdf")
    assert refusal.value.reason == "DOCUMENT_TOO_COMPLEX"


async def test_a_worker_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(build(20))
    started = time.monotonic()
    with pytest.raises(InvalidInput, match="DOCUMENT_TOO_COMPLEX"):
        await worker(wall_seconds=0.01).take_in(source, tmp_path / "out.pdf")
    with pytest.raises(Conflict, match="PREVIEW_FAILED"):
        await worker(wall_seconds=0.01).render(source, tmp_path, [1], 800)
    assert time.monotonic() - started < 5


async def test_a_cancelled_job_leaves_no_process(tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(build(20))
    pdf = worker()
    task = asyncio.create_task(pdf.render(source, tmp_path, list(range(1, 21)), 2000))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    done = len(os.listdir(tmp_path))
    await asyncio.sleep(0.3)
    assert len(os.listdir(tmp_path)) == done < 20


async def test_seals_are_seen_on_the_page(tmp_path: Path) -> None:
    def seal(pdf: pikepdf.Pdf) -> None:
        form = {"/Type": pikepdf.Name.XObject, "/Subtype": pikepdf.Name.Form, "/BBox": [0, 0, 100, 100]}
        red = pdf.make_stream(b"1 0 0 rg 0 0 100 100 re f", form)
        field = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Widget,
            FT=pikepdf.Name.Sig,
            T=pikepdf.String("Party1"),
            F=132,
            Rect=[100, 100, 200, 200],
            AP=pikepdf.Dictionary(N=red),
        )
        field = pdf.make_indirect(field)
        pdf.pages[0].Annots = pikepdf.Array([field])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[field], SigFlags=3)

    source = tmp_path / "signed.pdf"
    source.write_bytes(build(change=seal))
    await worker().render(source, tmp_path, [1], 595)
    red, green, blue = Image.open(tmp_path / "1.webp").convert("RGB").crop((150, 692, 151, 693)).tobytes()
    assert (red > 200, green < 60, blue < 60) == (True, True, True)
