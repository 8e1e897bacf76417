"""C2SP tlog-tiles: the specification's own examples, and properties against the plain tree."""

from functools import partial

import pytest
from esign_evidence.domain.merkle import consistency_proof, fold, inclusion_proof, leaf_hash, root
from esign_evidence.domain.tiles import (
    MAX_ENTRY,
    Tile,
    bundle,
    changed_tiles,
    in_tree,
    needed_tiles,
    parse_path,
    subtree_of,
    tiles_of,
    unbundle,
)
from hypothesis import given, settings
from hypothesis import strategies as st

ALL = [leaf_hash(index.to_bytes(4, "big")) for index in range(70_000)]


def store(sizes: list[int]) -> dict[str, list[bytes]]:
    """What a log stores that published checkpoints of these sizes, computed as the specification words it."""
    stored: dict[str, list[bytes]] = {}
    levels: list[list[bytes]] = [ALL]
    before = 0
    for size in sizes:
        for tile in changed_tiles(before, size):
            while len(levels) <= tile.level:
                below = levels[-1]
                levels.append([fold(below[n : n + 256]) for n in range(0, len(below) // 256 * 256, 256)])
            first = tile.index * 256
            stored[tile.path] = levels[tile.level][first : first + tile.width]
        before = size
    return stored


def read(stored: dict[str, list[bytes]], tiles: list[Tile], size: int) -> dict[tuple[int, int], list[bytes]]:
    """Fetches tiles as an auditor would who knows the tree's size: the full tile, or the partial one of this size."""
    found = {}
    for tile in tiles:
        width = min(256, tiles_of(size, tile.level) - tile.index * 256)
        found[tile.level, tile.index] = stored[Tile(tile.level, tile.index, width).path]
    return found


def test_the_specifications_example_of_70000() -> None:
    tiles = changed_tiles(0, 70_000)
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert [tile for tile in tiles if tile.width < 256 or tile.level] == [
        Tile(0, 273, 112),
        Tile(1, 0, 256),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert changed_tiles(0, 256) == [Tile(0, 0, 256), Tile(1, 0, 1)]


def test_paths() -> None:
    assert Tile(0, 1234067, 256).path == "0/x001/x234/067"
    assert Tile(1, 0, 5).path == "1/000.p/5"
    assert Tile(0, 1000, 255).entries_path == "entries/x001/000.p/255"


@given(st.integers(0, 63), st.integers(0, 2**40), st.integers(1, 256))
def test_paths_round_trip(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        *("", "0", "0/", "0/0", "0/00", "00/000", "64/000", "-1/000", "0/x000/001", "0/001/002", "0/x001", "0/000.p/0"),
        *("0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p/5/", "/0/000", "entries/000", "0/../000", "0/000\n"),
        *("0/０００", "٠/000", "0/" + "x001/" * 80 + "000"),
    ],
)
def test_anything_else_is_no_path(path: str) -> None:
    with pytest.raises(ValueError):
        parse_path(path)


@given(st.lists(st.integers(1, 70_000), min_size=1, max_size=6, unique=True))
@settings(max_examples=25, deadline=None)
def test_stored_tiles_prove_every_published_size(sizes: list[int]) -> None:
    sizes.sort()
    stored = store(sizes)
    for size in sizes:
        assert _root(stored, size) == _plain_root(size)
        index = size // 3
        tiles = read(stored, needed_tiles(partial(inclusion_proof, index, size)), size)
        plain = inclusion_proof(index, size, _plain)
        assert inclusion_proof(index, size, subtree_of(tiles)) == plain
    old, new = sizes[0], sizes[-1]
    tiles = read(stored, needed_tiles(lambda tree: consistency_proof(old, new, tree)), new)
    assert consistency_proof(old, new, subtree_of(tiles)) == consistency_proof(old, new, _plain)


def _plain(level: int, index: int) -> bytes:
    return fold(ALL[index << level : (index + 1) << level])


def _plain_root(size: int) -> bytes:
    return root(size, _plain)


def _root(stored: dict[str, list[bytes]], size: int) -> bytes:
    tiles = read(stored, needed_tiles(lambda tree: root(size, tree)), size)
    return root(size, subtree_of(tiles))


def test_a_tile_that_is_too_narrow_is_noticed() -> None:
    with pytest.raises(IndexError):
        subtree_of({(0, 0): ALL[:3]})(1, 1)


def test_in_tree() -> None:
    assert in_tree(Tile(0, 0, 5), 5)
    assert not in_tree(Tile(0, 0, 6), 5)
    assert in_tree(Tile(1, 0, 1), 256)
    assert not in_tree(Tile(1, 0, 1), 255)
    assert not in_tree(Tile(63, 2**40, 1), 10**12)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_round_trip(entries: list[bytes]) -> None:
    content = bundle(entries)
    assert unbundle(content) == entries
    assert bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"


def test_bundles_have_limits() -> None:
    assert unbundle(bundle([bytes(MAX_ENTRY)])) == [bytes(MAX_ENTRY)]
    with pytest.raises(ValueError):
        bundle([bytes(MAX_ENTRY + 1)])
    for cut in (b"\x00", b"\x00\x02a", b"\x00\x01a\x00"):
        with pytest.raises(ValueError):
            unbundle(cut)
