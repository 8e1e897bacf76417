"""Deposits through AntChain's own SDK, and a chain that anyone can recompute."""

import base64
import hashlib
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from antchain_sdk_twc import models
from antchain_sdk_twc.client import Client
from asn1crypto import cms
from esign_sandbox.chain import merkle_root
from Tea.exceptions import TeaException

from .conftest import CREDENTIALS, HTTP, Running

CUSTOMER = models.Identity(
    cert_name="北京样例商贸有限公司",
    cert_no="91110105MA01234565",
    cert_type="UNIFIED_SOCIAL_CREDIT_CODE",
    user_type="ENTERPRISE",
    legal_person="张 +样/~例",
    legal_person_id="11010519491231002X",
)
CHECKPOINT = "evidence.example\n42\nZm9v/+=~ 中文 &x=1\n"


def client(sandbox: Running, key: str = "ANTKEY", secret: str = "an-antchain-secret") -> Client:
    config = models.Config(
        access_key_id=key, access_key_secret=secret, endpoint=sandbox.endpoint, protocol="HTTP", read_timeout=3000
    )
    return Client(config)


def deposit(sandbox: Running, content: str = CHECKPOINT, **more: Any) -> Any:
    ant = client(sandbox)
    opened = ant.create_trans(models.CreateTransRequest(customer=CUSTOMER))
    assert opened.result_code == "OK", opened.result_msg
    request = models.CreateTextRequest(
        transaction_id=opened.transaction_id, notary_content=content, phase="CHECKPOINT", **more
    )
    answer = ant.create_text(request)
    assert answer.result_code == "OK", answer.result_msg
    return answer


def check(sandbox: Running, tx_hash: str, content: str = CHECKPOINT) -> Any:
    meta = models.NotaryCheckMeta(tx_hash=tx_hash, notary_content=content)
    answer = client(sandbox).check_status(models.CheckStatusRequest(notary_check_meta_list=[meta]))
    assert answer.result_code == "OK", answer.result_msg
    return answer.notary_check_results[0]


def eventually(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 5
    while not good(found := ask()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)
    return found


def confirmed(sandbox: Running, tx_hash: str, content: str = CHECKPOINT) -> Any:
    return eventually(lambda: check(sandbox, tx_hash, content), lambda found: bool(found.result))


def block(sandbox: Running, height: int) -> dict[str, Any]:
    found: dict[str, Any] = HTTP.get(f"{sandbox.url}/chain/blocks/{height}").raise_for_status().json()
    return found


def test_a_text_is_confirmed_only_in_a_block(sandbox: Running) -> None:
    sandbox.fault("chain", "pending")
    tx_hash = deposit(sandbox).tx_hash
    assert len(bytes.fromhex(tx_hash)) == 32
    waiting = check(sandbox, tx_hash)
    assert (waiting.result, waiting.error_code) == (False, 3008)
    assert HTTP.get(f"{sandbox.url}/chain/tx/{tx_hash}").json()["status"] == "pending"
    sandbox.fault("chain", "ok")

    found = confirmed(sandbox, tx_hash)
    found.validate()
    sealed = block(sandbox, found.block_height)
    assert (found.block_hash, found.tx_hash, found.phase) == (sealed["hash"], tx_hash, "CHECKPOINT")
    digest = hashlib.sha256(CHECKPOINT.encode()).digest()
    assert check(sandbox, tx_hash, base64.b64encode(digest).decode()).result
    differs = check(sandbox, tx_hash, "another text")
    assert (differs.result, differs.error_code) == (False, 2302)
    got = client(sandbox).get_text(models.GetTextRequest(tx_hash=tx_hash))
    assert (got.content, got.text_notary_type) == (CHECKPOINT, "TEXT")
    certificate = client(sandbox).get_certificate_detail(models.GetCertificateDetailRequest(tx_hash=tx_hash))
    assert HTTP.get(certificate.url).json()["content_sha256"] == digest.hex()


def test_the_chain_can_be_recomputed(sandbox: Running) -> None:
    hashes = [deposit(sandbox, f"text {n}").tx_hash for n in range(5)]
    last = max(confirmed(sandbox, tx_hash, f"text {n}").block_height for n, tx_hash in enumerate(hashes))
    previous = "0" * 64
    for height in range(last + 1):
        found = block(sandbox, height)
        root = merkle_root([bytes.fromhex(tx) for tx in found["transactions"]]).hex()
        text = f"{height}|{previous}|{found['sealed_at']}|{root}"
        assert (found["prev_hash"], found["tx_root"]) == (previous, root)
        assert found["hash"] == hashlib.sha256(text.encode()).hexdigest()
        previous = found["hash"]
        for tx_hash in found["transactions"]:
            tx = HTTP.get(f"{sandbox.url}/chain/tx/{tx_hash}").json()
            names = ("transaction_id", "phase", "notary_type", "content_sha256", "submitted_at", "nonce")
            assert hashlib.sha256("|".join(str(tx[name]) for name in names).encode()).hexdigest() == tx_hash


def test_deposits_and_blocks_survive_a_kill(own_sandbox: Running) -> None:
    own_sandbox.fault("chain", "pending")
    tx_hash = deposit(own_sandbox).tx_hash
    first = block(own_sandbox, 0)
    own_sandbox.stop(signal.SIGKILL)
    own_sandbox.start()
    assert confirmed(own_sandbox, tx_hash).block_height == 1
    assert block(own_sandbox, 0) == first


def test_court_texts_and_time_stamps(sandbox: Running) -> None:
    ant = client(sandbox)
    opened = ant.create_trans(models.CreateTransRequest(customer=CUSTOMER, tsr=True))
    assert cms.ContentInfo.load(base64.b64decode(opened.tsr.ctsr))["content_type"].native == "signed_data"
    request = models.CreateCourtTextnotaryRequest(
        transaction_id=opened.transaction_id, text_content='{"sign":"x","response":{}}', phase="P", tsr=True
    )
    answer = ant.create_court_textnotary(request)
    assert answer.tsr.hashed_message == hashlib.sha256(request.text_content.encode()).hexdigest()
    got = ant.get_court_textnotary(models.GetCourtTextnotaryRequest(tx_hash=answer.tx_hash))
    assert (got.result_code, got.text_content) == ("OK", request.text_content)


def test_refusals_carry_a_code_and_leave_nothing(sandbox: Running) -> None:
    unknown = models.CreateTextRequest(transaction_id="0" * 32, notary_content="x", phase="P")
    assert client(sandbox).create_text(unknown).result_code == "TRANSACTION_NOT_FOUND"
    for other in (client(sandbox, secret="wrong"), client(sandbox, key="OTHER")):
        answer = other.create_trans(models.CreateTransRequest(customer=CUSTOMER))
        assert answer.result_code in ("INVALID_SIGNATURE", "INVALID_ACCESS_KEY")
        assert answer.transaction_id is None
    assert check(sandbox, "f" * 64).error_code == 3008
    assert HTTP.get(f"{sandbox.url}/chain/tx/{'f' * 64}").status_code == 404
    assert HTTP.get(f"{sandbox.url}/chain/blocks/99999999999999999999999").status_code == 404


def test_the_sdk_notices_an_answer_signed_by_someone_else(own_sandbox: Running) -> None:
    own_sandbox.stop()
    CREDENTIALS["antchain"]["response_secret"] = "somebody-else"
    try:
        own_sandbox.start()
        with pytest.raises(TeaException):
            client(own_sandbox).create_trans(models.CreateTransRequest(customer=CUSTOMER))
    finally:
        del CREDENTIALS["antchain"]["response_secret"]


def test_a_chain_that_is_down_or_broken(sandbox: Running) -> None:
    sandbox.fault("chain", "error")
    answer = client(sandbox).create_trans(models.CreateTransRequest(customer=CUSTOMER))
    assert answer.result_code == "SYSTEM_ERROR"
    sandbox.fault("chain", "down")
    with pytest.raises(RuntimeError, match="service unavailable"):  # the SDK's own way of meeting a 503
        client(sandbox).create_trans(models.CreateTransRequest(customer=CUSTOMER))
