"""Names, ID numbers, phones, e-mail, organisations: what is taken, in which form, and what is refused with which code."""

from datetime import UTC, date, datetime, timedelta

import pytest
from esign_identity.domain.organisation import (
    CountersignPolicy,
    parse_business_types,
    parse_organisation_name,
    parse_unified_social_credit_code,
)
from esign_identity.domain.person import parse_email, parse_id_number, parse_name, parse_phone
from esign_kit.errors import EsignError, InvalidInput
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

TODAY = date(2026, 11, 23)


def id_number(region: str = "110105", born: str = "19900307", order: str = "002") -> str:
    """An invented ID number with a right check digit."""
    body = f"{region}{born}{order}"
    return body + ric.calc_check_digit(body + "0")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("张三", "张三"),
        (" 欧阳 修远 ", "欧阳修远"),
        ("欧阳　娜娜", "欧阳娜娜"),
        ("阿卜杜拉•买买提", "阿卜杜拉·买买提"),
        ("古丽・阿依", "古丽·阿依"),
        ("𠮷野家", "𠮷野家"),
        ("王𬱟", "王𬱟"),
        ("李〇", "李〇"),
        ("丽" * 50, "丽" * 50),
    ],
)
def test_name_taken(text: str, name: str) -> None:
    assert parse_name(text) == name


@pytest.mark.parametrize(
    "text", ["", "张", "丽" * 51, "Zhang San", "张3", "·张三", "张三·", "张··三", "张三\u200b丰", "张三<b>", "ヤマダ"]
)
def test_name_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_name(text)
    assert caught.value.reason == "NAME_INVALID"


@pytest.mark.parametrize(
    "text",
    [
        id_number(),
        id_number().lower(),
        " 110105 19900307 " + id_number()[-4:],
        id_number().translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    ],
)
def test_id_number_taken_in_one_form(text: str) -> None:
    assert parse_id_number(text, TODAY) == id_number()


def test_id_number_of_someone_older_than_their_county() -> None:
    number = id_number(region="330113", born="19500601")  # 临平区 exists since 2021
    assert parse_id_number(number, TODAY) == number


def test_id_number_with_x() -> None:
    number = next(n for order in range(1, 99) if (n := id_number(order=f"{order:03}")).endswith("X"))
    assert parse_id_number(number.lower(), TODAY) == number


@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(position: int, shift: int) -> None:
    number = id_number()
    wrong = number[:position] + str((int(number[position]) + shift) % 10) + number[position + 1 :]
    with pytest.raises(InvalidInput):
        parse_id_number(wrong, TODAY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "110105900307002",
        id_number(born="19900231"),
        id_number(born="20261124"),
        id_number(born="18500101"),
        id_number(region="160101"),
        id_number()[:-1],
        id_number() + "1",
        "' OR 1=1 --",
        "X" * 18,
    ],
)
def test_id_number_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_id_number(text, TODAY)
    assert caught.value.reason == "ID_NUMBER_INVALID"


@pytest.mark.parametrize(
    "text",
    [
        "E12345678",
        "EA1234567",
        "H0123456789",
        "M01234567",
        "ABC123456789012",
        "12345678",
        "A123456(7)",
        id_number("810000"),
        id_number("830000"),
    ],
)
def test_other_documents_are_pointed_to_the_paper_process(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_id_number(text, TODAY)
    assert caught.value.reason == "PERSON_NOT_MAINLAND"
    assert "走纸质盖章流程" in caught.value.zh


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "+86 138 0013 8000",
        "0086-13800138000",
        "8613800138000",
        "１３８００１３８０００",
        "138-0013-8000",
    ],
)
def test_phone_taken_in_one_form(text: str) -> None:
    assert parse_phone(text) == "13800138000"


@pytest.mark.parametrize(
    "text",
    ["", "12800138000", "1380013800", "138001380000", "+852 51234567", "+1 13800138000", "1380013800a", "010-58515511"],
)
def test_phone_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_phone(text)
    assert caught.value.reason == "PHONE_INVALID"


@pytest.mark.parametrize(
    ("text", "address"),
    [("", ""), (" Zhang.San@Example.COM ", "Zhang.San@example.com"), ("ａ@example.com", "a@example.com")],
)
def test_email_taken(text: str, address: str) -> None:
    assert parse_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a@b",
        "@example.com",
        "a@-x.com",
        "a..b@example.com",
        ".a@example.com",
        "a@example.com\nBcc: b@example.com",
        "a b@example.com",
        f"{'a' * 65}@example.com",
    ],
)
def test_email_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_email(text)
    assert caught.value.reason == "EMAIL_INVALID"


def test_unified_social_credit_code() -> None:
    assert parse_unified_social_credit_code(" 91110000 600037341l ") == "91110000600037341L"
    for wrong in ("", "91110000600037341A", "91110000600037341", "IO110000600037341L"):
        with pytest.raises(InvalidInput) as caught:
            parse_unified_social_credit_code(wrong)
        assert caught.value.reason == "USCC_INVALID"


def test_organisation_name() -> None:
    assert parse_organisation_name("晨曦(北京) 置业有限公司") == "晨曦（北京）置业有限公司"
    for wrong in ("", "晨", "晨" * 121, "晨曦\x00公司"):
        with pytest.raises(InvalidInput):
            parse_organisation_name(wrong)


def test_policy_covers_only_what_it_says() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    policy = CountersignPolicy(
        "lease", 2, "91110000600037341L", "seal-1", ("租赁合同",), "王五", now + timedelta(days=1)
    )
    assert policy.receipt == "lease#2"
    assert policy.refusal("seal-1", "租赁合同", now) is None

    def reason(error: EsignError | None) -> str:
        assert error is not None
        return error.reason

    assert reason(policy.refusal("seal-2", "租赁合同", now)) == "POLICY_OTHER_SEAL"
    assert reason(policy.refusal("seal-1", "采购合同", now)) == "POLICY_OTHER_BUSINESS_TYPE"
    assert reason(policy.refusal("seal-1", "租赁合同", now + timedelta(days=1))) == "POLICY_EXPIRED"


def test_business_types_have_one_order() -> None:
    assert parse_business_types(["b", " a ", "b"]) == ("a", "b")
    for wrong in ([], [""], ["x" * 51]):
        with pytest.raises(InvalidInput):
            parse_business_types(wrong)
