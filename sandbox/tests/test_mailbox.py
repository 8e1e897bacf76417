"""The page on which a developer reads what arrived."""

import re

import pytest
from esign_sandbox.mailbox import code_in, marked

from .conftest import HTTP, Running
from .test_mail import letter
from .test_mail import send as send_mail
from .test_sms import send as send_sms


def page(sandbox: Running, path: str = "/mailbox", **query: str) -> str:
    answer = HTTP.get(f"{sandbox.url}{path}", params=query)
    assert answer.status_code == 200
    return answer.text


def articles(text: str) -> list[str]:
    return re.findall(r'<article class="card (\w+)"', text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("验证码：482913，5分钟内有效，用于签署文档SOHO-2026-0001的身份核验。", "482913"),
        ("用于签署文档JDE-20200700004830，验证码是0042。", "0042"),
        ("Your code is 98761234.", "98761234"),
        ("验证码见 https://x.example/123456 ，2026年有效", None),
        ("合同编号123456待签署。", None),
        ("验证码：123456789", None),
    ],
)
def test_the_code_of_a_message_is_found_and_no_other_number(text: str, code: str | None) -> None:
    assert code_in(text) == code
    shown = str(marked(text, code_in(text)))
    assert re.findall("<b>(.*?)</b>", shown) == ([] if code is None else [code])


def test_what_is_shown_is_escaped() -> None:
    shown = str(marked('<img src=x> https://x.example/?a="><script> 验证码1234', "1234"))
    assert "<img" not in shown
    assert "<script" not in shown
    assert 'href="https://x.example/?a="' in shown


def test_a_code_can_be_copied_and_messages_filtered(sandbox: Running) -> None:
    send_sms(sandbox, "13800020001")
    send_mail(sandbox, letter("<filter@sign.example>", "Filter@example.cn", "<p>正文</p>"))
    by_phone = page(sandbox, phone="13800020001")
    assert articles(by_phone) == ["sms"]
    assert 'data-copy="246810"' in by_phone
    assert articles(page(sandbox, q=" 13800020001 ")) == ["sms"]
    by_address = page(sandbox, q="FILTER@example.cn")
    assert articles(by_address) == ["mail"]
    assert re.search(r'href="/mailbox\?to=filter%40example.cn" aria-current="page"', by_address)
    both = articles(page(sandbox, phone="13800020001", to="filter@example.cn"))
    assert sorted(both) == ["mail", "sms"]
    everything = page(sandbox)
    assert "filter@example.cn" in everything
    assert "13800020001" in everything
    assert "13800029999 还没有收到消息" in page(sandbox, phone="13800029999")


def test_the_page_hears_of_news_and_only_then(sandbox: Running) -> None:
    def news(since: str, **query: str) -> tuple[str, list[str]]:
        answer = HTTP.get(f"{sandbox.url}/mailbox/news", params={"since": since, **query})
        if answer.status_code == 204:
            return since, []
        found = re.search(r'data-version="([^"]+)"', answer.text)
        assert found is not None
        return found.group(1), articles(answer.text)

    send_sms(sandbox, "13800020002")
    start, shown = news("", phone="13800020002")
    assert shown == ["sms"]
    assert news(start) == (start, [])
    send_sms(sandbox, "13800020002")
    after_sms, shown = news(start, phone="13800020002")
    assert after_sms != start
    assert shown == ["sms", "sms"]
    message = letter("<news@sign.example>", "news@example.cn")
    for times in ("1", "2"):  # a repetition is news too
        send_mail(sandbox, message)
        before, after_sms = after_sms, news(after_sms)[0]
        assert before != after_sms
        assert f'data-times="{times}"' in page(sandbox, to="news@example.cn")


def test_a_mail_s_own_layout_is_shut_in(sandbox: Running) -> None:
    send_mail(sandbox, letter("<layout@sign.example>", "layout@example.cn", "<p>签署<script>alert(1)</script></p>"))
    (mail,) = HTTP.get(f"{sandbox.url}/mailbox/mails", params={"to": "layout@example.cn"}).json()
    assert f'src="/mailbox/mails/{mail["id"]}.html"' in page(sandbox, to="layout@example.cn")
    shown = HTTP.get(f"{sandbox.url}/mailbox/mails/{mail['id']}.html")
    assert shown.text.startswith("<p>签署")
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    send_mail(sandbox, letter("<plain@sign.example>", "plain@example.cn"))
    (plain,) = HTTP.get(f"{sandbox.url}/mailbox/mails", params={"to": "plain@example.cn"}).json()
    assert "<iframe" not in page(sandbox, to="plain@example.cn")
    for unknown in (plain["id"], 10**9, -1):
        assert HTTP.get(f"{sandbox.url}/mailbox/mails/{unknown}.html").status_code == 404


def test_pages_load_nothing_from_elsewhere(sandbox: Running) -> None:
    for path in ("/", "/mailbox", "/faceid/h5", "/bjca/face"):
        answer = HTTP.get(f"{sandbox.url}{path}")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert not re.search(r'src="(?:https?:)?//|<link[^>]*//|@import|url\(', answer.text), path
