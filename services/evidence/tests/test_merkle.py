"""RFC 9162 hashing and proofs: the published vectors of Certificate Transparency, and properties against a naive tree."""

import pytest
from esign_evidence.domain.merkle import (
    EMPTY_ROOT,
    Frontier,
    ProofError,
    Subtree,
    consistency_proof,
    fold,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from hypothesis import given, settings
from hypothesis import strategies as st

# The test tree of Certificate Transparency (google/certificate-transparency, merkletree tests), used by RFC 6962 and 9162 code.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION_5_OF_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
CONSISTENCY_6_TO_8 = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
CONSISTENCY_2_TO_5 = [
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
]


def tree_of(hashes: list[bytes]) -> Subtree:
    """Reads a list of leaf hashes as a tree."""
    return lambda level, index: fold(hashes[index << level : (index + 1) << level])


def naive_root(hashes: list[bytes]) -> bytes:
    """MTH as RFC 9162, 2.1.1 words it."""
    if len(hashes) <= 1:
        return hashes[0] if hashes else EMPTY_ROOT
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(naive_root(hashes[:k]), naive_root(hashes[k:]))


VECTOR = [leaf_hash(leaf) for leaf in LEAVES]


def test_published_roots() -> None:
    frontier = Frontier()
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert frontier.root() == root(0, tree_of([])) == EMPTY_ROOT
    for size, expected in enumerate(ROOTS, 1):
        frontier.append(VECTOR[size - 1])
        assert frontier.root().hex() == expected
        assert root(size, tree_of(VECTOR)).hex() == expected


def test_published_inclusion_proof() -> None:
    proof = inclusion_proof(5, 8, tree_of(VECTOR))
    assert [node.hex() for node in proof] == INCLUSION_5_OF_8
    verify_inclusion(VECTOR[5], 5, 8, proof, bytes.fromhex(ROOTS[7]))
    assert [node.hex() for node in inclusion_proof(2, 3, tree_of(VECTOR))] == [ROOTS[1]]


def test_published_consistency_proofs() -> None:
    for old, new, expected in ((6, 8, CONSISTENCY_6_TO_8), (2, 5, CONSISTENCY_2_TO_5)):
        proof = consistency_proof(old, new, tree_of(VECTOR))
        assert [node.hex() for node in proof] == expected
        verify_consistency(old, new, proof, bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1]))


sizes = st.integers(1, 600)


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(index.to_bytes(4, "big")) for index in range(size)]


ALL = leaves(600)


@given(sizes)
@settings(max_examples=50, deadline=None)
def test_roots_agree(size: int) -> None:
    frontier = Frontier()
    for leaf in ALL[:size]:
        frontier.append(leaf)
    assert root(size, tree_of(ALL)) == naive_root(ALL[:size]) == frontier.root()


@given(st.data(), sizes)
@settings(max_examples=150, deadline=None)
def test_inclusion_holds_for_its_leaf_only(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    head = naive_root(ALL[:size])
    proof = inclusion_proof(index, size, tree_of(ALL))
    verify_inclusion(ALL[index], index, size, proof, head)

    wrong = [(ALL[index], other, size, proof, head) for other in (index - 1, index + 1, size)]
    wrong += [(leaf_hash(b"other"), index, size, proof, head), (ALL[index], index, size, [*proof, head], head)]
    wrong += [(ALL[index], index, size, proof, leaf_hash(b"root"))]
    if proof:
        position = data.draw(st.integers(0, len(proof) - 1))
        altered = [*proof[:position], leaf_hash(b"node"), *proof[position + 1 :]]
        wrong += [(ALL[index], index, size, part, head) for part in (altered, proof[:-1], proof[1:])]
    for case in wrong:
        with pytest.raises(ProofError):
            verify_inclusion(*case)


@given(st.data(), sizes)
@settings(max_examples=150, deadline=None)
def test_consistency_holds_for_a_continued_tree_only(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    old_root, new_root = naive_root(ALL[:old]), naive_root(ALL[:new])
    proof = consistency_proof(old, new, tree_of(ALL))
    verify_consistency(old, new, proof, old_root, new_root)

    other = leaf_hash(b"other")
    wrong = [(old, new, proof, other, new_root), (old, new, proof, old_root, other)]
    wrong += [(old, new, [*proof, other], old_root, new_root), (0, new, proof, EMPTY_ROOT, new_root)]
    if proof:
        position = data.draw(st.integers(0, len(proof) - 1))
        altered = [*proof[:position], other, *proof[position + 1 :]]
        wrong += [(old, new, part, old_root, new_root) for part in (altered, proof[:-1])]
    for case in wrong:
        with pytest.raises(ProofError):
            verify_consistency(*case)


def test_a_rewritten_history_is_not_consistent() -> None:
    forged = [*ALL[:40], leaf_hash(b"forged"), *ALL[41:100]]
    for old in range(41, 90):
        proof = consistency_proof(old, 100, tree_of(forged))
        with pytest.raises(ProofError):
            verify_consistency(old, 100, proof, naive_root(ALL[:old]), naive_root(forged))


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError):
        inclusion_proof(index, size, tree_of(ALL))


@pytest.mark.parametrize("hashes", [[], ALL[:3]])
def test_only_complete_subtrees_fold(hashes: list[bytes]) -> None:
    with pytest.raises(ValueError):
        fold(hashes)
