"""Every known attack on signed PDFs fails with a code that names it; the same files untouched pass."""

from dataclasses import replace
from pathlib import Path

import pytest
from esign_signer.domain.report import Problem, Verdict
from esign_signer.domain.words import PROBLEMS, change_text, summary, verdict_text

from . import attacks
from .bench import Bench


def prepared(bench: Bench) -> bytes:
    """A document prepared for a later attack, signed by the first party."""
    if not isinstance(content := bench.made.get("prepared"), bytes):
        source = attacks.prepared(bench.folder / "prepared.pdf")
        order = replace(bench.order(source, 0), target=bench.folder / "prepared-signed.pdf")
        bench.engine.sign(order)
        content = bench.made["prepared"] = order.target.read_bytes()
    return content


def test_untouched_files_pass(bench: Bench) -> None:
    trap = bench.folder / "trap.pdf"
    trap.write_bytes(prepared(bench))
    for path in (bench.signed_once(), bench.signed_twice(), bench.archived(), trap):
        report = bench.validator.validate(path)
        assert report.verdict is Verdict.PASSED, (path, report)
        assert not report.all_problems


@pytest.mark.parametrize("name", [*attacks.ON_SIGNED, *attacks.ON_PREPARED])
def test_attack_is_named(bench: Bench, name: str) -> None:
    if name in attacks.ON_SIGNED:
        attack, problem = attacks.ON_SIGNED[name]
        before = bench.signed_once().read_bytes()
    else:
        attack, problem = attacks.ON_PREPARED[name]
        before = prepared(bench)
    found = _problems(bench, attack(before))
    assert problem in found


@pytest.mark.parametrize("name", ["evil annotation: FreeText", "incremental saving: page replaced"])
def test_attack_after_the_archive_timestamp(bench: Bench, name: str) -> None:
    attack, problem = attacks.ON_SIGNED[name]
    assert problem in _problems(bench, attack(bench.archived().read_bytes()))


def test_changes_are_told_with_page_and_field(bench: Bench) -> None:
    path = bench.folder / "attacked.pdf"
    attack, _ = attacks.ON_SIGNED["evil annotation: FreeText"]
    path.write_bytes(attack(bench.signed_once().read_bytes()))
    (signature,) = bench.validator.validate(path).signatures
    (change,) = [change for change in signature.changes if not change.kind.allowed]
    assert (change.page, change.detail, change.revision) == (1, "FreeText", 3)
    assert change.objects
    assert change_text(change)[0].startswith("第 1 页的批注（FreeText）")
    assert "恶意批注" in verdict_text(signature)[0]


def test_every_problem_has_words() -> None:
    assert set(PROBLEMS) == set(Problem)


def _problems(bench: Bench, content: bytes) -> frozenset[Problem]:
    path: Path = bench.folder / "attacked.pdf"
    path.write_bytes(content)
    report = bench.validator.validate(path)
    assert report.verdict is Verdict.FAILED
    assert summary(report)[0].startswith("核验未通过")
    return report.all_problems
