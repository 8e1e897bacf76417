"""What each incremental update of a signed file did, in terms that people understand: which page, which field.

This names changes and knows the attacks by sight; whether all that remains unnamed is harmless is for pyHanko's
difference analysis to say, which sees every object and has the second vote.
"""

# mypy: disable-error-code="no-untyped-call"
# pyHanko is typed in part only.

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader

from esign_signer.domain.report import Change, ChangeKind

_CATALOG_FREE: Final = frozenset({"/DSS", "/AcroForm", "/Extensions", "/Perms", "/Metadata", "/Version", "/Type"})
_FORM_FREE: Final = frozenset({"/Fields", "/SigFlags", "/DR", "/DA", "/NeedAppearances"})
_SIGNING_KEYS: Final = frozenset({"/V", "/AP", "/F", "/M", "/MK", "/AS"})
_UPWARDS: Final = frozenset({"/Parent", "/P", "/Annots", "/StructParents"})
_MAX_DEPTH: Final = 60
_MAX_NODES: Final = 200_000

Resolver = PdfFileReader | HistoricalResolver


class Update:
    """One incremental update: revision `number`, counted from 0, against the one before."""

    def __init__(self, reader: PdfFileReader, number: int, pages: "PageNumbers", *, certified: bool) -> None:
        self._reader, self._number, self._pages, self._certified = reader, number, pages, certified
        self._old = reader.get_historical_resolver(number - 1)
        self._new = reader.get_historical_resolver(number)
        self._touched = {ref.idnum for ref in self._new.explicit_refs_in_revision()}
        self._explained: set[int] = set()
        self._found: list[Change] = []

    def changes(self) -> tuple[Change, ...]:
        """What it did, forbidden things first."""
        self._removed()
        self._shadows()
        self._catalog()
        self._fields()
        self._page_tree()
        self._rest()
        merged = {(c.kind, c.page, c.detail): c for c in reversed(self._found)}
        return tuple(sorted(merged.values(), key=lambda change: (change.kind.allowed, change.page)))

    def _tell(self, kind: ChangeKind, *objects: int, page: int = 0, detail: str = "") -> None:
        self._found.append(Change(kind, self._number + 1, page, detail[:80], tuple(sorted(objects))))

    def _removed(self) -> None:
        freed = {ref.idnum for ref in self._new.refs_freed_in_revision()}
        if freed:
            self._tell(ChangeKind.REMOVED, *freed)
            self._explained |= freed

    def _shadows(self) -> None:
        """Objects that the update does not bring itself, but finds in bytes that were there before."""
        xrefs = self._reader.xrefs
        begins = xrefs.get_xref_container_info(self._number - 1).end_location
        for number in self._touched - self._explained:
            place = xrefs.get_historical_ref(generic.Reference(number, 0, self._reader), self._number)
            if isinstance(place, int):
                hidden = place < begins
            elif place is None:
                continue
            else:
                hidden = place.obj_stream_id not in self._touched
            if hidden:
                self._tell(ChangeKind.SHADOW, number, page=self._pages.showing(self._old, number) or 0)
                self._explained.add(number)

    def _catalog(self) -> None:
        old, new = self._old.root, self._new.root
        for key in _differing(old, new):
            if key == "/Pages":
                self._tell(ChangeKind.PAGES, *_numbers(new, key))
            elif key not in _CATALOG_FREE:
                self._tell(ChangeKind.CATALOG, self._new.root_ref.idnum, *_numbers(new, key), detail=key)
        self._explained |= {self._new.root_ref.idnum}
        bookkeeping = self._new.root_ref.idnum in self._touched
        store = _subtree(self._new, new, "/DSS", self._touched) if "/DSS" in new else set()
        if store & self._touched:
            self._explained |= {number for number in store if self._is_new(number)} | set(_numbers(new, "/DSS"))
            self._tell(ChangeKind.VALIDATION_DATA)
            bookkeeping = False
        metadata = {*_numbers(new, "/Metadata"), *_numbers(self._new.trailer_view, "/Info")}
        if metadata & self._touched:
            self._tell(ChangeKind.METADATA)
        self._explained |= metadata | set(_numbers(new, "/Extensions"))
        self._explained |= {ref.idnum for ref in self._reader.xrefs.xref_stream_refs}
        self._explained |= {ref.idnum for ref in self._new.object_streams_used()}
        if bookkeeping and not self._found:
            self._tell(ChangeKind.BOOKKEEPING)

    def _fields(self) -> None:
        old_form, new_form = _dictionary(self._old.root, "/AcroForm"), _dictionary(self._new.root, "/AcroForm")
        for key in _differing(old_form, new_form):
            if key not in _FORM_FREE:
                self._tell(ChangeKind.CATALOG, *_numbers(new_form, key), detail=f"/AcroForm{key}")
        self._explained |= {*_numbers(self._new.root, "/AcroForm"), *_numbers(new_form, "/Fields")}
        before, after = dict(fields(self._old)), dict(fields(self._new))
        for name, (number, field) in after.items():
            previous = before.get(name)
            if previous is not None and number not in self._touched and not self._redefined(field):
                continue
            self._field(name, number, field, previous[1] if previous else None)
        for name in before.keys() - after.keys():
            self._tell(ChangeKind.FIELD, before[name][0], detail=name)

    def _redefined(self, field: generic.DictionaryObject) -> bool:
        return any(number in self._touched for key in ("/V", "/AP") for number in _numbers(field, key))

    def _field(
        self, name: str, number: int, field: generic.DictionaryObject, previous: generic.DictionaryObject | None
    ) -> None:
        value = _dictionary(field, "/V")
        looks = {number} | set(_numbers(field, "/V")) | _subtree(self._new, field, "/AP", self._touched)
        self._explained |= {one for one in looks if one == number or self._is_new(one)}
        page = self._pages.of(_numbers(field, "/P"))
        refilled = previous is not None and (
            "/V" in previous or not value or not _SIGNING_KEYS.issuperset(_differing(previous, field))
        )
        if str(entry(field, "/FT")) != "/Sig" or refilled:
            self._tell(ChangeKind.FIELD, number, page=page, detail=name)
        elif previous is None and visible(field) and (self._certified or not value):
            self._tell(ChangeKind.SIGNATURE_FIELD, number, page=page, detail=name)
        elif previous is None and not value:
            self._tell(ChangeKind.BOOKKEEPING, detail=name)
        elif str(entry(value, "/SubFilter")) == "/ETSI.RFC3161":
            self._tell(ChangeKind.TIMESTAMP, detail=name)
        else:
            self._tell(ChangeKind.SIGNATURE, page=page, detail=name)

    def _page_tree(self) -> None:
        old, new = self._pages.listed(self._old), self._pages.listed(self._new)
        if [number for number, _ in old] != [number for number, _ in new]:
            self._tell(ChangeKind.PAGES)
            return
        widgets = {number for _, (number, _) in fields(self._new)}
        for index, ((number, before), (_, after)) in enumerate(zip(old, new, strict=True), 1):
            if number in self._touched:
                self._explained.add(number)
                for key in _differing(before, after):
                    if key != "/Annots":
                        self._tell(ChangeKind.PAGE, number, *_numbers(after, key), page=index, detail=key)
            self._annotations(index, before, after, widgets)

    def _annotations(
        self, page: int, before: generic.DictionaryObject, after: generic.DictionaryObject, widgets: set[int]
    ) -> None:
        old, new = _items(before, "/Annots"), _items(after, "/Annots")
        self._explained |= set(_numbers(after, "/Annots")) & self._touched
        known = {_number(item) for item in old}
        for item in new:
            number = _number(item)
            annotation = item.get_object()
            if number in widgets or not isinstance(annotation, generic.DictionaryObject):
                continue
            looks = {number} | _subtree(self._new, annotation, "/AP", self._touched)
            if number == 0 or number not in known or looks & self._touched:
                if number == 0 and any(_same(item, other) for other in old):
                    continue
                self._explained |= looks
                detail = str(entry(annotation, "/Subtype") or "").lstrip("/")
                self._tell(ChangeKind.ANNOTATION, *(looks & self._touched), page=page, detail=detail)
        for number in known - {_number(item) for item in new}:
            self._tell(ChangeKind.ANNOTATION, number, page=page)

    def _rest(self) -> None:
        """Objects that were there before and were defined anew."""
        for number in self._touched - self._explained:
            if self._is_new(number) or self._is_same(number):
                continue
            page = self._pages.showing(self._old, number)
            what = self._new(generic.Reference(number, 0, self._new))
            kind = (
                (entry(what, "/Type") or entry(what, "/Subtype"))
                if isinstance(what, generic.DictionaryObject)
                else None
            )
            detail = str(kind or "stream").lstrip("/")
            if page is None:
                self._tell(ChangeKind.OTHER, number)
            else:
                self._tell(ChangeKind.PAGE, number, page=page, detail=detail)

    def _is_new(self, number: int) -> bool:
        return (
            self._reader.xrefs.get_historical_ref(generic.Reference(number, 0, self._reader), self._number - 1) is None
        )

    def _is_same(self, number: int) -> bool:
        reference = generic.Reference(number, 0, self._reader)
        return _same(self._old(reference), self._new(reference))


class PageNumbers:
    """Pages by the numbers of their objects."""

    def __init__(self, reader: PdfFileReader) -> None:
        self._reader = reader
        self._listed: dict[int, list[tuple[int, generic.DictionaryObject]]] = {}

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {number: index for index, (number, _) in enumerate(_pages(self._reader.root), 1)}

    def of(self, numbers: tuple[int, ...]) -> int:
        """The page that is one of these objects, from 1; 0 for none."""
        return next((self._numbers[number] for number in numbers if number in self._numbers), 0)

    def listed(self, resolver: HistoricalResolver) -> list[tuple[int, generic.DictionaryObject]]:
        """A revision's pages in their order."""
        if resolver.revision not in self._listed:
            self._listed[resolver.revision] = list(_pages(resolver.root))
        return self._listed[resolver.revision]

    def showing(self, resolver: HistoricalResolver, wanted: int) -> int | None:
        """The first page of a revision that the object is, or belongs to; None for none."""
        budget = [_MAX_NODES]
        seen: set[int] = set()
        for index, (number, page) in enumerate(self.listed(resolver), 1):
            if number == wanted or _leads_to(page, wanted, seen, budget, 0):
                return index
        return None


def fields(resolver: Resolver) -> Iterator[tuple[str, tuple[int, generic.DictionaryObject]]]:
    """Terminal form fields: full name, the number of its object, the field."""
    seen: set[int] = set()

    def walk(
        item: generic.PdfObject, path: str, depth: int
    ) -> Iterator[tuple[str, tuple[int, generic.DictionaryObject]]]:
        number, field = _number(item), item.get_object()
        if not isinstance(field, generic.DictionaryObject) or depth > _MAX_DEPTH or (number and number in seen):
            return
        seen.add(number)
        name = f"{path}.{field['/T']}" if path and "/T" in field else str(entry(field, "/T") or path)
        kids = [kid for kid in _items(field, "/Kids") if "/T" in kid.get_object()]
        if not kids:
            yield name, (number, field)
        for kid in kids:
            yield from walk(kid, name, depth + 1)

    for item in _items(_dictionary(resolver.root, "/AcroForm"), "/Fields"):
        yield from walk(item, "", 0)


def entry(parent: generic.DictionaryObject, key: str) -> generic.PdfObject | None:
    """The value of an entry, references followed; None when there is none."""
    return parent[key] if key in parent else None  # noqa: SIM401 - get() follows no references


def visible(field: generic.DictionaryObject) -> bool:
    """Whether a widget takes room on its page."""
    rect = [float(str(value)) for value in _items(field, "/Rect")]
    return len(rect) == 4 and rect[0] != rect[2] and rect[1] != rect[3]


def _pages(root: generic.DictionaryObject) -> Iterator[tuple[int, generic.DictionaryObject]]:
    seen: set[int] = set()

    def walk(item: generic.PdfObject, depth: int) -> Iterator[tuple[int, generic.DictionaryObject]]:
        number, node = _number(item), item.get_object()
        if not isinstance(node, generic.DictionaryObject) or depth > _MAX_DEPTH or number in seen:
            return
        seen.add(number)
        if "/Kids" not in node:
            yield number, node
            return
        for kid in _items(node, "/Kids"):
            yield from walk(kid, depth + 1)

    if "/Pages" in root:
        yield from walk(root.raw_get("/Pages"), 0)


def _leads_to(item: generic.PdfObject, wanted: int, seen: set[int], budget: list[int], depth: int) -> bool:
    budget[0] -= 1
    if budget[0] < 0 or depth > _MAX_DEPTH:
        return False
    if isinstance(item, generic.IndirectObject):
        if item.idnum == wanted:
            return True
        if item.idnum in seen:
            return False
        seen.add(item.idnum)
        item = item.get_object()
    if isinstance(item, generic.DictionaryObject):
        return any(_leads_to(item.raw_get(key), wanted, seen, budget, depth + 1) for key in item if key not in _UPWARDS)
    if isinstance(item, generic.ArrayObject):
        return any(_leads_to(one, wanted, seen, budget, depth + 1) for one in list.__iter__(item))
    return False


def _subtree(resolver: HistoricalResolver, parent: generic.DictionaryObject, key: str, within: set[int]) -> set[int]:
    """The numbers of the objects below an entry, following only those of `within`."""
    found: set[int] = set()

    def walk(item: generic.PdfObject, depth: int) -> None:
        if depth > _MAX_DEPTH:
            return
        if isinstance(item, generic.IndirectObject):
            if item.idnum in found or item.idnum not in within:
                return
            found.add(item.idnum)
            item = resolver(generic.Reference(item.idnum, item.generation, resolver))
        if isinstance(item, generic.DictionaryObject):
            for name in item:
                if name not in _UPWARDS:
                    walk(item.raw_get(name), depth + 1)
        elif isinstance(item, generic.ArrayObject):
            for one in list.__iter__(item):
                walk(one, depth + 1)

    if key in parent:
        walk(parent.raw_get(key), 0)
    return found


def _same(old: generic.PdfObject, new: generic.PdfObject, depth: int = 0) -> bool:
    """Whether two objects are written alike; references count by their numbers."""
    if depth > _MAX_DEPTH:
        return False
    if isinstance(old, generic.IndirectObject) or isinstance(new, generic.IndirectObject):
        return (
            isinstance(old, generic.IndirectObject)
            and isinstance(new, generic.IndirectObject)
            and (old.idnum, old.generation) == (new.idnum, new.generation)
        )
    if isinstance(old, generic.StreamObject) and (
        not isinstance(new, generic.StreamObject) or old.encoded_data != new.encoded_data
    ):
        return False
    if isinstance(old, generic.DictionaryObject):
        return (
            isinstance(new, generic.DictionaryObject)
            and old.keys() == new.keys()
            and all(_same(old.raw_get(key), new.raw_get(key), depth + 1) for key in old)
        )
    if isinstance(old, generic.ArrayObject):
        return (
            isinstance(new, generic.ArrayObject)
            and len(old) == len(new)
            and all(map(_same, list.__iter__(old), list.__iter__(new), [depth + 1] * len(old)))
        )
    return type(old) is type(new) and old == new


def _differing(old: generic.DictionaryObject, new: generic.DictionaryObject) -> list[str]:
    return [
        str(key)
        for key in {**old, **new}
        if key not in old or key not in new or not _same(old.raw_get(key), new.raw_get(key))
    ]


def _dictionary(parent: generic.DictionaryObject, key: str) -> generic.DictionaryObject:
    value = entry(parent, key)
    return value if isinstance(value, generic.DictionaryObject) else generic.DictionaryObject()


def _items(parent: generic.DictionaryObject, key: str) -> list[generic.PdfObject]:
    value = entry(parent, key)
    return list(list.__iter__(value)) if isinstance(value, generic.ArrayObject) else []


def _numbers(parent: generic.DictionaryObject, key: str) -> tuple[int, ...]:
    value = parent.raw_get(key) if key in parent else None
    return (value.idnum,) if isinstance(value, generic.IndirectObject) else ()


def _number(item: generic.PdfObject) -> int:
    """The number of an indirect object, 0 for a direct one."""
    return item.idnum if isinstance(item, generic.IndirectObject) else 0
