"""The judicial chain by AntChain's own SDK (蚂蚁链可信存证, TWC, antchain-twc 1.13): HMAC-SHA1 both ways.

The SDK raises for a refusal only when the answer's signature is wrong, and returns the others with their result code:
every answer's code is looked at here. It comes to 50 MB in memory, so it is imported when the chain is first needed.
"""

import asyncio
import re
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from esign_kit.errors import Unavailable
from esign_kit.telemetry import logger

from esign_evidence.domain.anchor import Block, Finding, Verdict

if TYPE_CHECKING:
    from esign_evidence.settings import ChainSettings

log = logger(__name__)
T = TypeVar("T")

_TX_HASH = re.compile(r"[0-9a-f]{64}")
# Error codes of a check, as the vendor documents them.
_CONTENT_DIFFERS = 2302
_NOT_FOUND = 3008


def _unavailable(reason: str) -> Unavailable:
    return Unavailable(reason, zh="司法区块链暂时不可用", en="The judicial chain does not answer")


class AntChain:
    """Plays `Chain`."""

    def __init__(self, settings: "ChainSettings") -> None:
        self._settings = settings
        self._sdk: tuple[Any, Any, Any] | None = None
        self._loading = asyncio.Lock()

    async def open_transaction(self) -> str:
        """`twc.notary.trans.create`."""
        client, models, options = await self._load()
        customer = self._settings.customer
        identity = models.Identity(
            cert_name=customer.name,
            cert_no=customer.unified_social_credit_code,
            cert_type="UNIFIED_SOCIAL_CREDIT_CODE",
            user_type="ENTERPRISE",
            legal_person=customer.legal_person or None,
            legal_person_id=customer.legal_person_id_file.read() if customer.legal_person_id_file else None,
        )
        request = models.CreateTransRequest(
            product_instance_id=self._settings.product_instance_id or None, customer=identity
        )
        answer = await self._call("create_trans", client.create_trans_ex_async(request, {}, options))
        return self._text(answer.transaction_id, re.compile(r"[!-~]{1,128}"))

    async def deposit(self, transaction_id: str, phase: str, content: str) -> str:
        """`twc.notary.text.create`, the text itself (源文本, the default)."""
        client, models, options = await self._load()
        request = models.CreateTextRequest(
            product_instance_id=self._settings.product_instance_id or None,
            transaction_id=transaction_id,
            phase=phase,
            notary_content=content,
        )
        answer = await self._call("create_text", client.create_text_ex_async(request, {}, options))
        return self._tx_hash(answer.tx_hash)

    async def look_up(self, tx_hash: str, content: str) -> Finding:
        """`twc.notary.status.check`."""
        client, models, options = await self._load()
        request = models.CheckStatusRequest(
            product_instance_id=self._settings.product_instance_id or None,
            notary_check_meta_list=[models.NotaryCheckMeta(tx_hash=tx_hash, notary_content=content)],
        )
        answer = await self._call("check_status", client.check_status_ex_async(request, {}, options))
        results = answer.notary_check_results or []
        if len(results) != 1 or self._tx_hash(results[0].tx_hash) != tx_hash:
            raise _unavailable("CHAIN_ANSWER_INVALID")
        result = results[0]
        if result.error_code == _NOT_FOUND:
            return Finding(Verdict.NOT_FOUND)
        if result.error_code == _CONTENT_DIFFERS:
            return Finding(Verdict.DIFFERS)
        if result.error_code or result.result is not True:
            log.warning("the chain refused a check", code=result.error_code)
            raise _unavailable("CHAIN_REFUSES")
        if not result.block_height or not result.block_hash:
            return Finding(Verdict.NOT_FOUND)
        return Finding(
            Verdict.HELD,
            Block(
                hash=self._tx_hash(result.block_hash),
                height=int(result.block_height),
                time=self._time(result.notary_time),
                transaction_id=result.transaction_id or "",
            ),
        )

    async def _load(self) -> tuple[Any, Any, Any]:
        async with self._loading:
            if self._sdk is None:
                self._sdk = await asyncio.to_thread(self._import)
        return self._sdk

    def _import(self) -> tuple[Any, Any, Any]:
        from alibabacloud_tea_util.models import RuntimeOptions  # type: ignore[import-untyped]
        from antchain_sdk_twc import models
        from antchain_sdk_twc.client import Client

        milliseconds = int(self._settings.deadline_seconds * 1000)
        config = models.Config(
            access_key_id=self._settings.access_key,
            access_key_secret=self._settings.access_secret_file.read(),
            endpoint=self._settings.endpoint,
            protocol=self._settings.scheme.upper(),
            read_timeout=milliseconds,
            connect_timeout=milliseconds,
        )
        return Client(config), models, RuntimeOptions(autoretry=False, max_attempts=1)

    async def _call(self, method: str, call: Awaitable[T]) -> T:
        """Raises Unavailable for whatever goes wrong: what the chain refuses is ours to mend, and waits for that."""
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                answer = await call
        except TimeoutError:
            log.warning("the chain took too long", method=method)
            raise _unavailable("CHAIN_UNAVAILABLE") from None
        except Exception as error:
            # The SDK's exceptions have no base of their own. Their texts may quote the request: its type says enough.
            log.warning("the chain does not answer", method=method, error=type(error).__name__)
            raise _unavailable("CHAIN_UNAVAILABLE") from error
        code = getattr(answer, "result_code", None)
        if code != "OK":
            log.warning("the chain refused", method=method, code=str(code)[:64])
            raise _unavailable("CHAIN_REFUSES")
        return answer

    def _tx_hash(self, value: object) -> str:
        text = value.lower().removeprefix("0x") if isinstance(value, str) else ""
        return self._text(text, _TX_HASH)

    @staticmethod
    def _text(value: object, pattern: re.Pattern[str]) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _unavailable("CHAIN_ANSWER_INVALID")
        return value

    @staticmethod
    def _time(value: object) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise _unavailable("CHAIN_ANSWER_INVALID") from None
        if moment.tzinfo is None:
            raise _unavailable("CHAIN_ANSWER_INVALID")
        return moment.astimezone(UTC)
