"""What others ask: a contract's evidence, 查询核验, the log for auditors."""

import asyncio
import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from esign_kit.clock import Clock
from esign_kit.errors import EsignError, InvalidInput, Limited, NotFound

from esign_evidence import checker
from esign_evidence.app.ports import Answers, Chain, Dossier, LogObjects, LogStore, PackageObjects
from esign_evidence.domain.anchor import Anchor, AnchorState, Finding, Verdict
from esign_evidence.domain.merkle import HASH_SIZE
from esign_evidence.domain.tiles import WIDTH, Tile, in_tree, parse_path

PRESIGNED_FOR = timedelta(minutes=5)
REMEMBER = timedelta(seconds=30)
MAX_REMEMBERED = 1000
MAX_RUNNING = 8
MAX_WAITING = 64

_HEX64 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ContractEvidence:
    """A contract's evidence as its parties see it; `package_url` is empty until the package is built."""

    dossier: Dossier
    anchor: Anchor | None
    package_url: str
    package_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Checked:
    """The three checks of 查询核验, and stable codes of what does not hold."""

    matches: bool
    anchored: bool
    package_intact: bool
    anchor: Anchor
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """核验通过: all three hold."""
        return self.matches and self.anchored and self.package_intact


@dataclass(slots=True)
class _Standing:
    """What was found out a moment ago about an evidence number, apart from the question."""

    until: datetime
    anchored: bool
    package_intact: bool
    problems: tuple[str, ...] = field(default=())


def normal_number(evidence_number: str) -> str:
    """A 统一证据编号 as it is stored. Raises InvalidInput EVIDENCE_NUMBER_INVALID."""
    number = evidence_number.strip().lower().removeprefix("0x")
    if not _HEX64.fullmatch(number):
        raise InvalidInput(
            "EVIDENCE_NUMBER_INVALID",
            zh="统一证据编号应为64位十六进制字符",
            en="An evidence number is 64 hex digits",
        )
    return number


def _normal_sha256(text: str) -> str:
    digest = text.strip().lower()
    if not _HEX64.fullmatch(digest):
        raise InvalidInput("DOCUMENT_HASH_INVALID", zh="文件哈希格式不正确", en="A document's hash is 64 hex digits")
    return digest


def _normal_text_hash(text: str) -> str:
    try:
        digest = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 32:
        raise InvalidInput(
            "TEXT_HASH_INVALID", zh="存证文本HASH格式不正确", en="A text evidence's hash is the base64 of 32 bytes"
        )
    return base64.b64encode(digest).decode()


class Questions:
    """Answers; changes nothing. What strangers can make it do is bounded: few checks at a time, answers kept for a moment."""

    def __init__(
        self,
        answers: Answers,
        log_store: LogStore,
        log_objects: LogObjects,
        packages: PackageObjects,
        chain: Chain,
        log_key: str,
        clock: Clock,
    ) -> None:
        self._answers, self._log, self._log_objects = answers, log_store, log_objects
        self._packages, self._chain, self._log_key, self._clock = packages, chain, log_key, clock
        self._standing: dict[str, _Standing] = {}
        self._running = asyncio.Semaphore(MAX_RUNNING)
        self._waiting = 0

    async def contract_evidence(self, contract_id: str) -> ContractEvidence:
        """Raises NotFound EVIDENCE_NOT_FOUND while the contract is not completed."""
        found = await self._answers.of_contract(contract_id)
        if found is None:
            raise NotFound("EVIDENCE_NOT_FOUND", zh="该合同尚无存证信息", en="The contract has no evidence yet")
        dossier, anchor = found
        if dossier.package is None:
            return ContractEvidence(dossier, anchor, "", None)
        expires_at = self._clock() + PRESIGNED_FOR
        url = await self._packages.presign(dossier.package, contract_id, PRESIGNED_FOR)
        return ContractEvidence(dossier, anchor, url, expires_at)

    async def check(self, evidence_number: str, *, document_sha256: str = "", text_hash: str = "") -> Checked:
        """查询核验 of a file's or a text's hash against an evidence number.

        Raises NotFound EVIDENCE_NUMBER_UNKNOWN, InvalidInput for malformed input, Limited CHECKS_BUSY.
        """
        number = normal_number(evidence_number)
        document = _normal_sha256(document_sha256) if document_sha256 else ""
        text = "" if document else _normal_text_hash(text_hash)
        found = await self._answers.of_number(number)
        if found is None:
            raise NotFound("EVIDENCE_NUMBER_UNKNOWN", zh="未查询到该统一证据编号", en="No such evidence number")
        dossier, anchor = found
        problems: list[str] = []
        matches = document == dossier.document_sha256 if document else text == dossier.text_hash
        if not matches:
            problems.append("DOCUMENT_DIFFERS" if document else "TEXT_DIFFERS")
        standing = await self._stand(number, dossier, anchor)
        return Checked(matches, standing.anchored, standing.package_intact, anchor, (*problems, *standing.problems))

    async def checkpoint(self) -> str:
        """The newest checkpoint's note. Raises NotFound LOG_EMPTY."""
        async with self._log.reading() as log:
            newest = await log.newest()
        if newest is None:
            raise NotFound("LOG_EMPTY", zh="证据日志尚无检查点", en="The log has no checkpoint yet")
        return newest.note

    async def tile(self, path: str) -> bytes:
        """A tile of hashes by its path below `tile/`. Raises InvalidInput TILE_PATH_INVALID, NotFound TILE_NOT_FOUND."""
        try:
            tile = parse_path(path)
        except ValueError:
            raise InvalidInput("TILE_PATH_INVALID", zh="路径不正确", en="Not a tile path") from None
        async with self._log.reading() as log:
            newest = await log.newest()
        missing = NotFound("TILE_NOT_FOUND", zh="日志中没有该数据块", en="The log has no such tile")
        if newest is None or not in_tree(tile, newest.checkpoint.size):
            raise missing
        # A partial tile may be gone once the full one is there, which begins with it.
        for there in (tile, Tile(tile.level, tile.index, WIDTH)):
            try:
                return (await self._log_objects.get_tile(there.path))[: tile.width * HASH_SIZE]
            except NotFound:
                continue
        raise missing

    async def _stand(self, number: str, dossier: Dossier, anchor: Anchor) -> _Standing:
        known = self._standing.get(number)
        if known and known.until > self._clock():
            return known
        if self._waiting >= MAX_WAITING:
            raise Limited("CHECKS_BUSY", zh="查询人数过多，请稍后重试", en="Too many checks at once; try again later")
        self._waiting += 1
        try:
            async with self._running:
                anchored, chain_problems = await self._ask_chain(anchor)
                intact, package_problems = await self._check_package(number, dossier)
        finally:
            self._waiting -= 1
        standing = _Standing(self._clock() + REMEMBER, anchored, intact, (*chain_problems, *package_problems))
        if anchored and intact:
            if len(self._standing) >= MAX_REMEMBERED:
                self._standing.clear()
            self._standing[number] = standing
        return standing

    async def _ask_chain(self, anchor: Anchor) -> tuple[bool, list[str]]:
        """Whether the chain itself, asked now, holds the text in the block that we recorded."""
        if anchor.state is not AnchorState.CONFIRMED:
            return False, ["ANCHOR_PENDING"]
        try:
            finding: Finding = await self._chain.look_up(anchor.tx_hash, anchor.content)
        except EsignError:
            return False, ["CHAIN_UNAVAILABLE"]
        if finding.verdict is Verdict.NOT_FOUND:
            return False, ["ANCHOR_NOT_FOUND"]
        block = finding.block
        if block is None or (block.hash, block.height) != (anchor.block_hash, anchor.block_height):
            return False, ["ANCHOR_DIFFERS"]
        return True, []

    async def _check_package(self, number: str, dossier: Dossier) -> tuple[bool, list[str]]:
        """Whether the stored package is unaltered and proves itself."""
        if dossier.package is None:
            return False, ["PACKAGE_PENDING"]
        try:
            content = await self._packages.get_package(dossier.package)
        except NotFound:
            return False, ["PACKAGE_MISSING"]
        except EsignError as error:
            return False, ["PACKAGE_ALTERED" if error.reason == "OBJECT_ALTERED" else "PACKAGE_UNAVAILABLE"]
        report = await asyncio.to_thread(checker.check, content, log_key=self._log_key)
        stated = {
            "evidence_number": number,
            "text_hash": dossier.text_hash,
            "contract_id": dossier.contract_id,
            "document_sha256": dossier.document_sha256,
        }
        if report.passed and any(report.facts.get(name) != value for name, value in stated.items()):
            return False, ["PACKAGE_OF_ANOTHER"]
        return report.passed, report.codes
