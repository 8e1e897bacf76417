"""The log as tiles: coordinates, paths and entry bundles of C2SP tlog-tiles (https://c2sp.org/tlog-tiles).

A tile holds up to 256 consecutive hashes of one tile level; level 0 holds leaf hashes, level n the roots of full tiles
of level n - 1.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from esign_evidence.domain.merkle import HASH_SIZE, fold

WIDTH = 256
HEIGHT = 8
MAX_ENTRY = 65535

Tiles = Mapping[tuple[int, int], Sequence[bytes]]
"""Hashes of tiles by (level, index), each from the tile's start on."""

T = TypeVar("T")

_PATH = re.compile(r"(0|[1-9]\d?)/((?:x\d{3}/)*\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile's coordinates; `width` is the number of hashes, 1 to 256."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        """Below `tile/`, e.g. `0/x001/x234/067.p/8`."""
        return f"{self.level}/{_index_path(self.index, self.width)}"

    @property
    def entries_path(self) -> str:
        """Of the entry bundle of a level 0 tile, below `tile/`, e.g. `entries/000.p/5`."""
        return f"entries/{_index_path(self.index, self.width)}"


def _index_path(index: int, width: int) -> str:
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups)) + (f".p/{width}" if width < WIDTH else "")


def parse_path(path: str) -> Tile:
    """The tile of hashes at `path`. Raises ValueError for anything but a canonical path of at most 200 characters."""
    found = _PATH.fullmatch(path) if len(path) <= 200 else None
    if not found or int(found[1]) > 63:
        raise ValueError("not a tile path")
    tile = Tile(int(found[1]), int(found[2].replace("x", "").replace("/", "")), int(found[3] or WIDTH))
    if tile.path != path:
        raise ValueError("not a canonical tile path")
    return tile


def tiles_of(size: int, level: int) -> int:
    """How many hashes tile level `level` has in a tree of `size` leaves."""
    return size >> HEIGHT * level


def changed_tiles(old: int, new: int) -> list[Tile]:
    """The tiles that a tree of `new` leaves has and one of `old` leaves has not, lower levels first."""
    changed = []
    level = 0
    while tiles_of(new, level) > tiles_of(old, level):
        count = tiles_of(new, level)
        indexes = range(tiles_of(old, level) // WIDTH, (count - 1) // WIDTH + 1)
        changed += [Tile(level, index, min(WIDTH, count - index * WIDTH)) for index in indexes]
        level += 1
    return changed


def in_tree(tile: Tile, size: int) -> bool:
    """Whether a tree of `size` leaves has at least these hashes."""
    return tile.index * WIDTH + tile.width <= tiles_of(size, tile.level)


def subtree_of(tiles: Tiles) -> Callable[[int, int], bytes]:
    """Reads `tiles` as `merkle.Subtree`. The function raises KeyError or IndexError for what the tiles do not hold."""

    def subtree(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        first = index << height
        hashes = tiles[tile_level, first // WIDTH]
        offset = first % WIDTH
        if offset + (1 << height) > len(hashes):
            raise IndexError(f"tile {tile_level}/{first // WIDTH} is too narrow")
        return fold(hashes[offset : offset + (1 << height)])

    return subtree


def needed_tiles(function: Callable[[Callable[[int, int], bytes]], T]) -> list[Tile]:
    """Which tiles `function` reads, each as wide as it needs: `needed_tiles(lambda tree: root(size, tree))`."""
    widths: dict[tuple[int, int], int] = {}

    def record(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        first = index << height
        key = tile_level, first // WIDTH
        widths[key] = max(widths.get(key, 0), first % WIDTH + (1 << height))
        return bytes(HASH_SIZE)

    function(record)
    return sorted(Tile(level, index, width) for (level, index), width in widths.items())


def bundle(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry behind its length as big-endian uint16. Raises ValueError when one is too long."""
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY:
            raise ValueError("a log entry has at most 65535 bytes")
        parts += [len(entry).to_bytes(2, "big"), entry]
    return b"".join(parts)


def unbundle(content: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ValueError when it is cut short."""
    entries = []
    position = 0
    while position < len(content):
        start = position + 2
        position = start + int.from_bytes(content[position:start], "big")
        if position > len(content):
            raise ValueError("the entry bundle is cut short")
        entries.append(content[start:position])
    return entries
