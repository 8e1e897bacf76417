"""References to stored objects. Pure, so that the domain may hold them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One exact version of an object.

    `sha256` is 64 lower-case hex digits of the content, `size` its bytes.
    """

    bucket: str
    key: str
    version_id: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Placement:
    """A rectangle on a page, thousandths of a PDF point of the unrotated page, origin bottom-left; `page` is 1-based."""

    page: int
    x1: int
    y1: int
    x2: int
    y2: int
