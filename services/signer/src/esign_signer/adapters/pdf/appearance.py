"""Signature fields and what people see in them: the seal's image, upright on the page whatever the page's rotation."""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from esign_kit.refs import Placement
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, append_signature_field, enumerate_sig_fields

from esign_signer.adapters.pdf.artwork import Pixels, impression
from esign_signer.adapters.pdf.fields import PDF_A_1
from esign_signer.domain.activation import Reason, SignatureRefused
from esign_signer.domain.document import SignatureField, in_points


def lay_out(writer: IncrementalPdfFileWriter, layout: Iterable[SignatureField]) -> None:
    """Creates every field of `layout` that the document does not have yet. Only before the first signature.

    Raises SignatureRefused (FIELD_NOT_AVAILABLE) for a page that does not exist.
    """
    present = {name for name, _, _ in enumerate_sig_fields(writer)}
    pages = int(writer.root["/Pages"]["/Count"])
    for field in layout:
        if field.name in present:
            continue
        if field.placement.page > pages:
            raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "page")
        append_signature_field(
            writer,
            SigFieldSpec(sig_field_name=field.name, on_page=field.placement.page - 1, box=_box(field.placement)),
        )
        if rotation := _rotation(_page(writer, field.placement).get_object()):
            _, _, reference = next(enumerate_sig_fields(writer, with_name=field.name))
            reference.get_object()[pdf_name("/MK")] = generic.DictionaryObject(
                {pdf_name("/R"): generic.NumberObject(rotation)}
            )


def stamp(writer: IncrementalPdfFileWriter, field_name: str, placement: Placement, seal_image: Path) -> None:
    """Puts the seal's image into the empty field `field_name`, which must lie at `placement`; scaled to fit, in
    proportion, centred.

    Raises SignatureRefused (FIELD_NOT_AVAILABLE) when there is no such empty field, or when it lies elsewhere: a field
    may not move once the document is signed.
    """
    found = next(iter(enumerate_sig_fields(writer, with_name=field_name)), None)
    if found is None or found[1] is not None:
        raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "no such empty field")
    field = found[2].get_object()
    rect = tuple(float(value) for value in field["/Rect"])
    page = _page(writer, placement)
    if any(abs(is_at - wanted) > 0.001 for is_at, wanted in zip(rect, in_points(placement), strict=True)):
        raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "the field lies elsewhere")
    if field.raw_get("/P").reference != page.reference:
        raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "the field lies on another page")
    rotation = _rotation(page.get_object())
    appearance = _appearance(writer, rect[2] - rect[0], rect[3] - rect[1], rotation, seal_image)
    field[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): appearance})
    writer.update_container(field)


def _box(placement: Placement) -> tuple[int, int, int, int]:
    # pyHanko's annotation says int; its code takes fractions of a point.
    return cast(tuple[int, int, int, int], in_points(placement))


def _page(writer: IncrementalPdfFileWriter, placement: Placement) -> generic.IndirectObject:
    reference: generic.IndirectObject = writer.find_page_for_modification(placement.page - 1)[0]
    return reference


def _rotation(page: generic.DictionaryObject) -> int:
    """Degrees clockwise, 0 to 270; the entry is inherited down the page tree."""
    node = page
    for _ in range(50):
        if "/Rotate" in node:
            return int(node["/Rotate"]) % 360
        if "/Parent" not in node:
            break
        node = node["/Parent"]
    return 0


def _appearance(
    writer: IncrementalPdfFileWriter, width: float, height: float, rotation: int, seal_image: Path
) -> generic.IndirectObject:
    """A form XObject (ISO 32000-2, 12.5.5) of the widget's size, turned back against the page's rotation."""
    drawn = impression(seal_image.read_bytes(), width, height, rotation)
    resources = generic.DictionaryObject()
    if drawn.image is not None:
        resources[pdf_name("/XObject")] = generic.DictionaryObject({pdf_name("/Seal"): _image(writer, drawn.image)})
    form = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): _numbers(0, 0, drawn.width, drawn.height),
            pdf_name("/Matrix"): _numbers(*drawn.matrix),
            pdf_name("/Resources"): resources,
        },
        stream_data=drawn.operators,
    )
    return writer.add_object(form)


def _numbers(*values: float) -> generic.ArrayObject:
    return generic.ArrayObject(generic.FloatObject(round(value, 4)) for value in values)


def _image(writer: IncrementalPdfFileWriter, pixels: Pixels) -> generic.IndirectObject:
    """The seal's image with its transparency, or, where PDF/A-1 forbids that, with a stencil."""

    def samples(data: bytes, bits: int, **more: generic.PdfObject) -> generic.StreamObject:
        entries = {
            "Type": pdf_name("/XObject"),
            "Subtype": pdf_name("/Image"),
            "Width": generic.NumberObject(pixels.width),
            "Height": generic.NumberObject(pixels.height),
            "BitsPerComponent": generic.NumberObject(bits),
            "Filter": pdf_name("/FlateDecode"),
            **more,
        }
        return generic.StreamObject({pdf_name(f"/{key}"): value for key, value in entries.items()}, encoded_data=data)

    image = samples(pixels.rgb, 8, ColorSpace=pdf_name("/DeviceRGB"))
    if "/Metadata" in writer.root and PDF_A_1.search(writer.root["/Metadata"].data):
        stencil = samples(pixels.mask, 1, ImageMask=generic.BooleanObject(True))
        image[pdf_name("/Mask")] = writer.add_object(stencil)
    else:
        image[pdf_name("/SMask")] = writer.add_object(samples(pixels.alpha, 8, ColorSpace=pdf_name("/DeviceGray")))
    return writer.add_object(image)
