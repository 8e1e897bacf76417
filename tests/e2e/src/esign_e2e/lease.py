"""Makes a realistic Chinese commercial lease as a PDF: clauses, tables, running header and footer, two signature areas.

Everyone and everything in it is invented; identifiers carry valid check digits (GB 11643, GB 32100).
The same arguments give the same bytes.

    python -m esign_e2e.lease build/lease.pdf
"""

import sys
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, NextPageTemplate, PageBreak, Paragraph, Spacer, Table, TableStyle

from esign_e2e.lease_layout import (
    ARTICLE,
    CELL,
    CELL_HEAD,
    COVER,
    HEADING,
    PLAIN,
    AreaFrame,
    FloorPlan,
    SigningArea,
    find_fonts,
    grid,
    paragraph,
    register_fonts,
    template,
)
from esign_e2e.lease_text import (
    CLAUSES,
    FEE_NOTES,
    FEES,
    HANDOVER,
    PLAN_NOTES,
    PREAMBLE,
    RENT_NOTES,
    SIGNING_NOTES,
)

FIRST_DAY: Final = date(2027, 1, 1)
AREA: Final = Decimal("186.40")
DAILY_RATES: Final = (Decimal("9.20"), Decimal("9.20"), Decimal("9.66"))
PROPERTY_FEE: Final = Decimal("38.00")
CENT: Final = Decimal("0.01")
NATURAL_PAGES: Final = 12


@dataclass(frozen=True)
class LeaseParty:
    """A party as the contract names it. `number` is a 统一社会信用代码 or a resident ID number."""

    name: str
    number: str
    address: str
    phone: str


LANDLORD: Final = LeaseParty(
    "北京望岚商业管理有限公司", "91110105MA9W7K2LX8", "北京市朝阳区望岚东路 8 号望岚中心 A 座 20 层", "010-00008866"
)
TENANT: Final = LeaseParty("林知夏", "110105199106147320", "北京市朝阳区青杉南街 16 号院 3 号楼 502 室", "13900001234")


@dataclass(frozen=True)
class Period:
    """A quarter of rent, in yuan with two places."""

    label: str
    first_day: date
    last_day: date
    daily_rate: Decimal
    rent: Decimal


@dataclass(frozen=True)
class Lease:
    """What was made, with what a leasing system has to know of it to have it signed."""

    path: Path
    pages: int
    document_number: str
    title: str
    total_rent: Decimal
    landlord: SigningArea
    tenant: SigningArea


def make_lease(
    path: Path,
    *,
    pages: int = NATURAL_PAGES,
    document_number: str = "JDE-20261100004830",
    landlord: LeaseParty = LANDLORD,
    tenant: LeaseParty = TENANT,
    fonts: Path | None = None,
) -> Lease:
    """Write a lease of exactly `pages` pages (12 or more; further pages are handover records) to `path`.

    `fonts` is the folder that holds `noto-serif-sc` and `noto-sans-sc` (npm `@expo-google-fonts/…`); it is looked for
    in `node_modules` here and in the folders above when not given. Raises ValueError for fewer pages, FileNotFoundError
    without fonts.
    """
    if pages < NATURAL_PAGES:
        raise ValueError(f"a lease has at least {NATURAL_PAGES} pages")
    register_fonts(fonts or find_fonts())
    title = "商业租赁合同"
    periods = rent_schedule()
    total = sum((period.rent for period in periods), Decimal("0.00"))
    landlord_area, tenant_area = AreaFrame("甲方（盖章）："), AreaFrame("乙方（签字）：")
    path.parent.mkdir(parents=True, exist_ok=True)
    document = template(path, title, document_number, landlord.name, pages)
    story: list[Flowable] = [
        *_cover(title, document_number, landlord, tenant),
        *_summary(landlord, tenant, periods, total),
        *_clauses(periods, total),
        *_rent_appendix(periods, total),
        *_fee_appendix(),
        *_handover_appendix(1 + pages - NATURAL_PAGES),
        *_plan_appendix(),
        *_signature_page(title, landlord, tenant, landlord_area, tenant_area),
    ]
    document.build(story)
    if document.page != pages:
        raise AssertionError(f"the text fills {document.page} pages, not {pages}")
    return Lease(path, pages, document_number, title, total, landlord_area.place(), tenant_area.place())


def rent_schedule() -> list[Period]:
    """The twelve quarters of the lease; the first thirty days are free."""
    periods = []
    for quarter in range(12):
        year, month = FIRST_DAY.year + quarter // 4, 1 + 3 * (quarter % 4)
        first = date(year, month, 1)
        after = date(year + 1, 1, 1) if month == 10 else date(year, month + 3, 1)
        days = (after - first).days - (30 if quarter == 0 else 0)
        rate = DAILY_RATES[quarter // 4]
        rent = (rate * AREA * days).quantize(CENT)
        periods.append(Period(f"第 {quarter + 1} 期", first, after - timedelta(days=1), rate, rent))
    return periods


def capital_amount(amount: Decimal) -> str:
    """Yuan in the capital numerals that contracts use.

    Takes 0.00 to 999999999999.99 with at most two places.

    >>> capital_amount(Decimal("10050.20"))
    '壹万零伍拾元贰角'
    """
    digits, units = "零壹贰叁肆伍陆柒捌玖", ["", "拾", "佰", "仟"]
    whole, cents = divmod(int(amount * 100), 100)
    groups = [int(f"{whole:012d}"[i : i + 4]) for i in (0, 4, 8)]
    text, gap = "", False
    for group, name in zip(groups, ("亿", "万", ""), strict=True):
        for position in (3, 2, 1, 0):
            digit = group // 10**position % 10
            if digit:
                text += ("零" if gap and text else "") + digits[digit] + units[position]
            gap = digit == 0
        text += name if group else ""
    text = (text or "零") + "元"
    if not cents:
        return text + "整"
    tenths, hundredths = divmod(cents, 10)
    return text + (digits[tenths] + "角" if tenths else "零") + (digits[hundredths] + "分" if hundredths else "")


def _deposit(periods: list[Period]) -> Decimal:
    return periods[1].rent + (3 * PROPERTY_FEE * AREA).quantize(CENT)


def _cover(title: str, number: str, landlord: LeaseParty, tenant: LeaseParty) -> list[Flowable]:
    lines = [["合同编号", number], ["出租方（甲方）", landlord.name], ["承租方（乙方）", tenant.name]]
    lines += [["租赁房屋", "望岚中心 B 座 3 层 305 单元"], ["签订地点", "北京市朝阳区"]]
    table = Table(
        [[Paragraph(escape(label), CELL_HEAD), Paragraph(escape(value), PLAIN)] for label, value in lines],
        [42 * mm, 92 * mm],
        rowHeights=13 * mm,
        style=TableStyle([("LINEBELOW", (1, 0), (1, -1), 0.6, colors.black), ("VALIGN", (0, 0), (-1, -1), "BOTTOM")]),
    )
    return [
        Spacer(1, 62 * mm),
        Paragraph(title, COVER),
        Spacer(1, 48 * mm),
        table,
        NextPageTemplate("text"),
        PageBreak(),
    ]


def _summary(landlord: LeaseParty, tenant: LeaseParty, periods: list[Period], total: Decimal) -> list[Flowable]:
    def party(who: str, label: str, party: LeaseParty) -> Flowable:
        rows = [[who, party.name, label, party.number], ["联系地址", party.address, "联系电话", party.phone]]
        return grid(rows, [20, 58, 36, 46], head=False, labels=True)

    terms = [
        ["序号", "要点", "约定"],
        ["1", "租赁房屋", "北京市朝阳区望岚东路 8 号望岚中心 B 座 3 层 305 单元"],
        ["2", "建筑面积", f"{AREA} 平方米（以不动产权证书附图所载为准）"],
        ["3", "租赁用途", "书店及配套咖啡服务，经营品牌“知夏书屋”"],
        ["4", "租赁期限", f"三年，自 {zh_date(FIRST_DAY)} 起至 {zh_date(periods[-1].last_day)} 止"],
        ["5", "装修免租期", "30 日，自交付日起算，免收租金，物业管理费照付"],
        ["6", "租金标准", "第一、二年每日每平方米 9.20 元；第三年每日每平方米 9.66 元"],
        ["7", "租金总额", f"人民币 {total:,.2f} 元（大写：{capital_amount(total)}）"],
        ["8", "支付方式", "按季先付，每期首月 5 日前付清，明细见附件一"],
        ["9", "履约保证金", f"相当于第二期租金及三个月物业管理费，计 {_deposit(periods):,.2f} 元"],
        ["10", "物业管理费", f"每月每平方米 {PROPERTY_FEE} 元"],
        ["11", "交付标准", "按现状交付，详见附件三；位置详见附件四"],
    ]
    return [
        Paragraph("合同当事人与商务条款要点", HEADING),
        party("甲方", "统一社会信用代码", landlord),
        Spacer(1, 4 * mm),
        party("乙方", "居民身份证号码", tenant),
        Spacer(1, 6 * mm),
        paragraph(PREAMBLE),
        Spacer(1, 4 * mm),
        grid(terms, [14, 32, 114]),
        Spacer(1, 4 * mm),
        paragraph("要点与正文不一致的，以正文为准；正文与附件不一致的，以附件中的专项约定为准。"),
        PageBreak(),
    ]


def _clauses(periods: list[Period], total: Decimal) -> list[Flowable]:
    amounts = {"total": f"{total:,.2f}", "capital": capital_amount(total), "deposit": f"{_deposit(periods):,.2f}"}
    story: list[Flowable] = []
    article = item = 0
    heading: Flowable = Spacer(1, 0)
    for line in CLAUSES.format(area=AREA, property_fee=PROPERTY_FEE, **amounts).split("\n"):
        if line.startswith("# "):
            article, item = article + 1, 0
            heading = Paragraph(f"第{_ordinal(article)}条　{line[2:]}", ARTICLE)
        elif line:
            item += 1
            text = paragraph(f"{article}.{item}　{line}")
            story.append(KeepTogether([heading, text]) if item == 1 else text)
    return [*story, PageBreak()]


def _rent_appendix(periods: list[Period], total: Decimal) -> list[Flowable]:
    rows = [["期次", "计租期间", "单价（元/㎡/日）", "应付租金（元）", "付款日"]]
    for p in periods:
        days, due = f"{p.first_day:%Y.%m.%d}-{p.last_day:%Y.%m.%d}", f"{p.first_day:%Y.%m}.05 前"
        rows.append([p.label, days, str(p.daily_rate), f"{p.rent:,.2f}", due])
    rows.append(["合计", "", "", f"{total:,.2f}", ""])
    return [
        Paragraph("附件一　租金支付明细表", HEADING),
        grid(rows, [18, 48, 32, 32, 30]),
        Spacer(1, 5 * mm),
        *map(paragraph, RENT_NOTES),
        PageBreak(),
    ]


def _fee_appendix() -> list[Flowable]:
    return [
        Paragraph("附件二　物业管理费及其他费用一览表", HEADING),
        grid([row.split("|") for row in FEES], [14, 34, 36, 38, 38]),
        Spacer(1, 5 * mm),
        *map(paragraph, FEE_NOTES),
        PageBreak(),
    ]


def _handover_appendix(sheets: int) -> list[Flowable]:
    story: list[Flowable] = []
    for sheet in range(1, sheets + 1):
        suffix = f"（第 {sheet} 张）" if sheets > 1 else ""
        rows = [[str(i), *row.split("|"), "□ 合格　□ 整改"] for i, row in enumerate(HANDOVER, 1)]
        story += [
            Paragraph(f"附件三　房屋交付查验单{suffix}", HEADING),
            grid([["序号", "部位", "交付标准", "查验结果"], *rows], [14, 34, 78, 34]),
            Spacer(1, 5 * mm),
            Paragraph("水表底数：________　电表底数：________　钥匙：____ 把　门禁卡：____ 张", PLAIN),
            PageBreak(),
        ]
    return story


def _plan_appendix() -> list[Flowable]:
    heading = Paragraph("附件四　租赁房屋位置示意图", HEADING)
    return [heading, Spacer(1, 6 * mm), FloorPlan(), Spacer(1, 8 * mm), *map(paragraph, PLAN_NOTES), PageBreak()]


def _signature_page(
    title: str, landlord: LeaseParty, tenant: LeaseParty, landlord_area: AreaFrame, tenant_area: AreaFrame
) -> list[Flowable]:
    def column(area: AreaFrame, name: str, number: str) -> list[Flowable]:
        lines = (name, number, "签署日期：以电子签名时间戳记载为准")
        return [area, Spacer(1, 5 * mm), *(Paragraph(escape(line), CELL) for line in lines)]

    left = column(landlord_area, landlord.name, f"统一社会信用代码：{landlord.number}")
    right = column(tenant_area, tenant.name, f"居民身份证号码：{tenant.number}")
    return [
        Paragraph(f"（本页无正文，为《{title}》之签署页）", HEADING),
        Spacer(1, 8 * mm),
        *map(paragraph, SIGNING_NOTES),
        Spacer(1, 14 * mm),
        Table([[left, right]], [80 * mm, 80 * mm], style=TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP")])),
    ]


def zh_date(day: date) -> str:
    """A date as contracts write it: 2027 年 1 月 1 日."""
    return f"{day.year} 年 {day.month} 月 {day.day} 日"


def _ordinal(number: int) -> str:
    tens, ones = divmod(number, 10)
    return ("", "十", "二十", "三十")[tens] + " 一二三四五六七八九"[ones].strip()


if __name__ == "__main__":
    made = make_lease(Path(sys.argv[1]))
    print(f"{made.path}: {made.pages} pages, {made.total_rent} yuan, 甲方 {made.landlord}, 乙方 {made.tenant}")
