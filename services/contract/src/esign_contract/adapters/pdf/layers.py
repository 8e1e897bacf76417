"""Layers (optional content, ISO 32000-2, 8.11): whether anything is not seen, or may be seen otherwise elsewhere."""

from collections.abc import Iterator
from typing import Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf

from esign_contract.adapters.pdf.names import name_of

_STATES: Final = {"/View": "/ViewState", "/Print": "/PrintState", "/Export": "/ExportState"}
_DEPENDS: Final = frozenset(("/Zoom", "/Language", "/User"))
_HIDING: Final = (Name.AllOff, Name.AnyOff)


class Layers:
    """The layers of a document, as its default configuration shows, prints and exports them."""

    def __init__(self, pdf: Pdf) -> None:
        properties = pdf.Root.get("/OCProperties")
        self.present = isinstance(properties, Dictionary)
        self._off: set[tuple[int, int]] = set()
        if isinstance(properties, Dictionary):
            self._off = set(_not_always_shown(properties))

    def hide(self, entry: pikepdf.Object) -> bool:
        """Whether content that belongs to `entry`, a layer or a membership in layers, is hidden anywhere.

        Layers that are switched one by one are not followed: a membership by an expression or in terms of hidden layers
        counts as hidden.
        """
        if not self.present or not isinstance(entry, Dictionary):
            return False
        if entry.get("/Type") != Name.OCMD:
            return entry.objgen in self._off
        if "/VE" in entry or entry.get("/P") in _HIDING:
            return True
        return any(member.objgen in self._off for member in _listed(entry.get("/OCGs")))


def _not_always_shown(properties: pikepdf.Object) -> Iterator[tuple[int, int]]:
    default = properties.get("/D")
    if not isinstance(default, Dictionary):
        return
    if default.get("/BaseState") == Name.OFF:
        shown = {layer.objgen for layer in _listed(default.get("/ON"))}
        yield from (layer.objgen for layer in _listed(properties.get("/OCGs")) if layer.objgen not in shown)
    yield from (layer.objgen for layer in _listed(default.get("/OFF")))
    for automatic in _listed(default.get("/AS")):
        categories = {name_of(category) for category in automatic.get("/Category", ())}
        for layer in _listed(automatic.get("/OCGs")):
            usage = layer.get("/Usage")
            if isinstance(usage, Dictionary) and any(_switches(usage, category) for category in categories):
                yield layer.objgen


def _switches(usage: pikepdf.Object, category: str) -> bool:
    wanted = usage.get(category)
    if not isinstance(wanted, Dictionary):
        return False
    return category in _DEPENDS or wanted.get(_STATES.get(category, "/None")) == Name.OFF


def _listed(value: object) -> Iterator[pikepdf.Object]:
    """A dictionary, or those in an array."""
    for item in value if isinstance(value, Array) else (value,):
        if isinstance(item, Dictionary):
            yield item
