"""Signature fields, seals and validation data, written into an incremental update of a document of the plain form."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from esign_kit.refs import Placement

from esign_signer.adapters.pdf.artwork import impression
from esign_signer.adapters.pdf.clean import (
    CleanDocument,
    Dictionary,
    NotClean,
    direct_dictionary,
    numbers,
    plain_string,
    reference,
    references,
    written,
)
from esign_signer.adapters.pdf.increment import Gap, Increment, number, stream, text_string
from esign_signer.domain.activation import Reason, SignatureRefused
from esign_signer.domain.document import SignatureField, in_points

_PRINTED_AND_LOCKED = b"132"
"""Annotation flags Print and Locked (ISO 32000-2, 12.5.3); PDF/A asks for the first."""

_SIGNATURE: Final = "/Type /Sig/Filter /Adobe.PPKLite/SubFilter /ETSI.CAdES.detached/M (D:%Y%m%d%H%M%SZ)"
_TIMESTAMP: Final = b"/Type /DocTimeStamp/Filter /Adobe.PPKLite/SubFilter /ETSI.RFC3161"
_CERTIFIES: Final = (
    b"/Reference [<</Type /SigRef/TransformMethod /DocMDP/TransformParams <</Type /TransformParams/P 2/V /1.2>>>>]"
)
"""Only filling in and signing may follow (ISO 32000-2, 12.8.2.2)."""

_EXTENSION = b"<</BaseVersion /1.7/ExtensionLevel 1>>"
"""PAdES in a PDF 1.7 file is an extension by ETSI (ETSI EN 319 142-1, 5.1)."""


PDF_A_1: Final = re.compile(rb"<pdfaid:part(?:\s[^>]*)?>\s*1\s*<|pdfaid:part\s*=\s*[\"']1[\"']")
"""How a document's metadata say that it is PDF/A-1 (ISO 19005-1, 6.7.11)."""


_NUMBER: Final = b"<number>"


@dataclass(frozen=True, slots=True)
class ValidationData:
    """What a validator needs later (ETSI EN 319 142-1, 5.4): certificates, OCSP responses and CRLs, all DER."""

    certificates: frozenset[bytes] = frozenset()
    ocsp_responses: frozenset[bytes] = frozenset()
    crls: frozenset[bytes] = frozenset()

    def __or__(self, other: "ValidationData") -> "ValidationData":
        return ValidationData(
            self.certificates | other.certificates,
            self.ocsp_responses | other.ocsp_responses,
            self.crls | other.crls,
        )


@dataclass(frozen=True, slots=True)
class Field:
    """A signature field that the document has."""

    number: int
    dictionary: Dictionary
    signed: bool


@dataclass(frozen=True, slots=True)
class Fields:
    """A document's form: `listed` is what /Fields says, `signatures` its signature fields by name."""

    form: Dictionary
    listed: tuple[int, ...]
    signatures: Mapping[str, Field]

    @property
    def signed(self) -> bool:
        """Whether anybody has signed."""
        return any(field.signed for field in self.signatures.values())


def fields_of(document: CleanDocument) -> Fields:
    """The form's fields. Raises NotClean for signature fields below other fields."""
    found: dict[str, Field] = {}
    form_dictionary = _entry(document, document.catalog, b"/AcroForm")
    listed = tuple(references(document.array(form_dictionary.get(b"/Fields", b"[]"))[0]))
    for each in listed:
        dictionary = document.dictionary(each)
        kind = dictionary.get(b"/FT")
        if kind is None or (kind == b"/Sig" and b"/Kids" in dictionary):
            raise NotClean("a field of no one kind")
        if kind == b"/Sig":
            name = plain_string(dictionary.get(b"/T", b""))
            if name in found:
                raise NotClean("two fields of one name")
            found[name] = Field(each, dictionary, b"/V" in dictionary)
    return Fields(form_dictionary, listed, found)


def signature(
    document: CleanDocument,
    *,
    field_name: str,
    layout: Iterable[SignatureField],
    placement: Placement,
    seal: bytes,
    reason: str,
    claimed_at: datetime,
    validation_data: ValidationData,
    reserved: int,
) -> Gap:
    """The update of one signature (`reserved` bytes of CMS) whose seal is put at `placement`.

    Creates what is missing of `layout`; certifies the document when nobody has signed yet. Raises SignatureRefused
    (FIELD_NOT_AVAILABLE) when there is no such empty field or page, or when the field lies elsewhere: a field may not
    move once the document is signed.
    """
    update, present = Increment(document), fields_of(document)
    value_number = update.reserve()
    made = {field.name: (field, update.reserve()) for field in layout if field.name not in present.signatures}
    _, rotation = _page(document, placement)
    if field_name in made:
        field, own = made[field_name]
        dictionary = _widget(document, field)
    else:
        own, dictionary = _empty_field(document, present, field_name, placement)
    for field, found in made.values():
        if found != own:
            update.put(found, written(_widget(document, field)))
    x1, y1, x2, y2 = in_points(placement)
    appearance = _form(update, seal, x2 - x1, y2 - y1, rotation)
    update.put(own, written({**dictionary, b"/V": b"%d 0 R" % value_number, b"/AP": b"<</N %d 0 R>>" % appearance}))
    _list(update, present, [found for _, found in made.values()])
    _annotate(update, made.values())
    certify = not present.signed
    if certify:
        if b"/Perms" in update.catalog:
            raise NotClean("permissions without a signature")
        update.catalog[b"/Perms"] = b"<</DocMDP %d 0 R>>" % value_number
    add_validation_data(update, validation_data)
    entries = claimed_at.astimezone(UTC).strftime(_SIGNATURE).encode("ascii")
    if reason:
        entries += b"/Reason " + text_string(reason)
    if certify:
        entries += _CERTIFIES
    return update.with_gap(value_number, entries, reserved)


def timestamp(document: CleanDocument, validation_data: ValidationData, reserved: int) -> Gap:
    """The update of one document timestamp (ISO 32000-2, 12.8.5) with room for a token of `reserved` bytes. Its field has
    no size, on the first page."""
    update, present = Increment(document), fields_of(document)
    names = {name for name in present.signatures if name.startswith("Archive")}
    value_number, own = update.reserve(), update.reserve()
    page, _ = document.page(0)
    update.put(
        own,
        b"<</Type /Annot/Subtype /Widget/FT /Sig/T (Archive%d)/Rect [0 0 0 0]/F %b/P %d 0 R/V %d 0 R>>"
        % (len(names) + 1, _PRINTED_AND_LOCKED, page, value_number),
    )
    _list(update, present, [own])
    _annotate_page(update, page, [own])
    add_validation_data(update, validation_data)
    return update.with_gap(value_number, _TIMESTAMP, reserved)


def _page(document: CleanDocument, placement: Placement) -> tuple[int, int]:
    try:
        return document.page(placement.page - 1)
    except IndexError:
        raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "page") from None


def _widget(document: CleanDocument, field: SignatureField) -> Dictionary:
    page, rotation = _page(document, field.placement)
    widget = {
        b"/Type": b"/Annot",
        b"/Subtype": b"/Widget",
        b"/FT": b"/Sig",
        b"/T": b"(%b)" % field.name.encode("ascii"),
        b"/Rect": b"[%b]" % b" ".join(map(number, in_points(field.placement))),
        b"/F": _PRINTED_AND_LOCKED,
        b"/P": b"%d 0 R" % page,
    }
    if rotation:
        widget[b"/MK"] = b"<</R %d>>" % rotation
    return widget


def _empty_field(document: CleanDocument, present: Fields, name: str, placement: Placement) -> tuple[int, Dictionary]:
    """The field to sign, when it is empty and lies at `placement`."""
    field = present.signatures.get(name)
    if field is None or field.signed:
        raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "no such empty field")
    rectangle = numbers(field.dictionary.get(b"/Rect", b""))
    wanted = in_points(placement)
    if len(rectangle) != 4 or any(abs(is_at - at) > 0.001 for is_at, at in zip(rectangle, wanted, strict=True)):
        raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "the field lies elsewhere")
    if reference(field.dictionary.get(b"/P", b"")) != _page(document, placement)[0]:
        raise SignatureRefused(Reason.FIELD_NOT_AVAILABLE, "the field lies on another page")
    return field.number, field.dictionary


@dataclass(frozen=True, slots=True)
class _Objects:
    """The objects that show a seal in a widget; where one names another, the number goes between two halves."""

    mask: bytes
    image: tuple[bytes, bytes]
    form: tuple[bytes, bytes]


@lru_cache(maxsize=32)
def _objects(seal: bytes, width: float, height: float, rotation: int, opaque: bool) -> _Objects:
    """A form XObject (ISO 32000-2, 12.5.5) of the widget's size, and the seal's image with its transparency, or, where
    none may be, with a stencil."""
    drawn = impression(seal, width, height, rotation)
    dictionary = {
        b"/Type": b"/XObject",
        b"/Subtype": b"/Form",
        b"/BBox": b"[0 0 %b %b]" % (number(drawn.width), number(drawn.height)),
        b"/Matrix": b"[%b]" % b" ".join(map(number, drawn.matrix)),
    }
    if drawn.image is None:
        return _Objects(b"", (b"", b""), (stream(dictionary, drawn.operators), b""))
    pixels = drawn.image
    samples = {
        b"/Type": b"/XObject",
        b"/Subtype": b"/Image",
        b"/Width": b"%d" % pixels.width,
        b"/Height": b"%d" % pixels.height,
        b"/Filter": b"/FlateDecode",
    }
    if opaque:
        mask = stream({**samples, b"/ImageMask": b"true", b"/BitsPerComponent": b"1"}, pixels.mask)
    else:
        grey = {**samples, b"/ColorSpace": b"/DeviceGray", b"/BitsPerComponent": b"8"}
        mask = stream(grey, pixels.alpha)
    coloured = {**samples, b"/ColorSpace": b"/DeviceRGB", b"/BitsPerComponent": b"8"}
    return _Objects(
        mask,
        _halves(stream({(b"/Mask" if opaque else b"/SMask"): _NUMBER, **coloured}, pixels.rgb)),
        _halves(stream({b"/Resources": b"<</XObject <</Seal %b>>>>" % _NUMBER, **dictionary}, drawn.operators)),
    )


def _halves(body: bytes) -> tuple[bytes, bytes]:
    before, _, after = body.partition(_NUMBER)
    return before, after


def _form(update: Increment, seal: bytes, width: float, height: float, rotation: int) -> int:
    """The number of the form XObject that shows the seal."""
    objects = _objects(seal, width, height, rotation, forbids_transparency(update.document))
    if not objects.mask:
        return update.add(objects.form[0])
    image = update.add((b"%d 0 R" % update.add(objects.mask)).join(objects.image))
    return update.add((b"%d 0 R" % image).join(objects.form))


def forbids_transparency(document: CleanDocument) -> bool:
    """Whether the document says that it is PDF/A-1 (ISO 19005-1, 6.4), which knows no transparency."""
    metadata = document.catalog.get(b"/Metadata")
    if metadata is None:
        return False
    content = document.plain_stream(reference(metadata))
    return content is not None and PDF_A_1.search(content) is not None


def _list(update: Increment, present: Fields, new: list[int]) -> None:
    """Puts new fields into the form."""
    if not new:
        return
    listed = b"[%b]" % b" ".join(b"%d 0 R" % each for each in (*present.listed, *new))
    update.refer(update.catalog, b"/AcroForm", written({**present.form, b"/Fields": listed, b"/SigFlags": b"3"}))
    extensions = update.catalog.get(b"/Extensions", b"<<>>")
    if extensions.startswith(b"<<"):
        known = direct_dictionary(extensions)
        update.catalog[b"/Extensions"] = written({b"/ESIC": _EXTENSION, **known})


def _annotate(update: Increment, made: Iterable[tuple[SignatureField, int]]) -> None:
    by_page: dict[int, list[int]] = {}
    for field, found in made:
        by_page.setdefault(update.document.page(field.placement.page - 1)[0], []).append(found)
    for page, widgets in by_page.items():
        _annotate_page(update, page, widgets)


def _annotate_page(update: Increment, page: int, widgets: list[int]) -> None:
    """Shows new widgets on a page."""
    dictionary = update.document.dictionary(page)
    array, stands_at = update.document.array(dictionary.get(b"/Annots", b"[]"))
    longer = b"%b %b]" % (array[:-1], b" ".join(b"%d 0 R" % widget for widget in widgets))
    if stands_at is None:
        update.put(page, written({**dictionary, b"/Annots": longer}))
    else:
        update.put(stands_at, longer)


def add_validation_data(update: Increment, data: ValidationData) -> None:
    """Adds to the document security store (ISO 32000-2, 12.8.4.3) what it does not hold yet."""
    document = update.document
    present = _entry(document, document.catalog, b"/DSS")
    store, changed = dict(present), False
    for key, wanted in (
        (b"/Certs", data.certificates),
        (b"/OCSPs", data.ocsp_responses),
        (b"/CRLs", data.crls),
    ):
        if not wanted:
            continue
        listed = references(document.array(present.get(key, b"[]"))[0])
        known = {document.plain_stream(each) for each in listed}
        if new := sorted(wanted - known):
            changed = True
            listed += [update.add(stream({}, each)) for each in new]
            store[key] = b"[%b]" % b" ".join(b"%d 0 R" % each for each in listed)
    if changed:
        update.refer(update.catalog, b"/DSS", written({b"/Type": b"/DSS", **store}))


def _entry(document: CleanDocument, dictionary: Dictionary, key: bytes) -> Dictionary:
    """A dictionary that stands in another, or that it refers to; empty when it has none."""
    value = dictionary.get(key)
    if value is None:
        return {}
    return direct_dictionary(value) if value.startswith(b"<<") else document.dictionary(reference(value))
