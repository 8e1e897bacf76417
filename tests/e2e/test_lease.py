"""The lease that journeys sign."""

import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from esign_e2e.lease import LeaseParty, capital_amount, make_lease, rent_schedule


@pytest.mark.parametrize("pages", [12, 15])
def test_a_lease_has_its_pages_and_two_signature_areas_on_the_last(pages: int, tmp_path: Path) -> None:
    tenant = LeaseParty("沈怀瑾", "110105198802294012", "北京市朝阳区", "13900005678")
    made = make_lease(tmp_path / "lease.pdf", pages=pages, document_number="JDE-1", tenant=tenant)
    for area in (made.landlord, made.tenant):
        assert area.page == made.pages == pages
        assert 0 < area.x1 < area.x2 < 595_276
        assert 0 < area.y1 < area.y2 < 841_890
    assert made.landlord.x2 < made.tenant.x1
    text = subprocess.run(["pdftotext", "-layout", made.path, "-"], capture_output=True, check=True).stdout.decode()
    assert text.count("\f") == pages
    last = text.split("\f")[pages - 1]
    for words in ("甲方（盖章）", "乙方（签字）", "沈怀瑾", f"第 {pages} 页 / 共 {pages} 页"):
        assert words in last
    assert f"{made.total_rent:,.2f}" in text
    again = make_lease(tmp_path / "again.pdf", pages=pages, document_number="JDE-1", tenant=tenant)
    assert again.path.read_bytes() == made.path.read_bytes()


def test_a_lease_is_not_shorter_than_its_text(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 12 pages"):
        make_lease(tmp_path / "lease.pdf", pages=11)


def test_the_rent_adds_up_over_three_years() -> None:
    periods = rent_schedule()
    assert len(periods) == 12
    days = (periods[-1].last_day - periods[0].first_day).days + 1
    assert days == 365 + 366 + 365
    assert sum(p.rent for p in periods) == Decimal("186.40") * (
        Decimal("9.20") * (365 + 366 - 30) + Decimal("9.66") * 365
    )


@pytest.mark.parametrize(
    ("amount", "capitals"),
    [
        ("0.00", "零元整"),
        ("10.00", "壹拾元整"),
        ("10050.20", "壹万零伍拾元贰角"),
        ("20000500.07", "贰仟万零伍佰元零柒分"),
        ("1859358.64", "壹佰捌拾伍万玖仟叁佰伍拾捌元陆角肆分"),
        ("100000000.00", "壹亿元整"),
    ],
)
def test_amounts_in_capitals(amount: str, capitals: str) -> None:
    assert capital_amount(Decimal(amount)) == capitals
