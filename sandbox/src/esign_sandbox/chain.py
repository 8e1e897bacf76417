"""A small judicial chain: transactions are submitted, sealed into linked blocks, and can be looked up by anyone.

Hashes (SHA-256, lower-case hexadecimal; `|` joins ASCII text):
- transaction: `transaction_id|phase|notary_type|content_sha256|submitted_at|nonce`
- leaf: 0x00 ‖ transaction hash (32 bytes); node: 0x01 ‖ left ‖ right; root over the block's transactions in order, split
  at the largest power of two (RFC 9162 2.1.1)
- block: `height|prev_hash|sealed_at|tx_root`, times in milliseconds since the epoch; the first block has height 0, no
  transactions, and 64 zeros as `prev_hash`.
"""

import asyncio
import hashlib
import logging
import secrets
import sqlite3
from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from esign_sandbox.store import Store, iso_utc, now_ms

SCHEMA = """
CREATE TABLE IF NOT EXISTS chain_block (
  height INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, prev_hash TEXT NOT NULL, sealed_at INTEGER NOT NULL,
  tx_root TEXT NOT NULL, tx_count INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS chain_tx (
  id INTEGER PRIMARY KEY AUTOINCREMENT, tx_hash TEXT NOT NULL UNIQUE, transaction_id TEXT NOT NULL, phase TEXT NOT NULL,
  notary_type TEXT NOT NULL, content TEXT NOT NULL, attributes TEXT NOT NULL, submitted_at INTEGER NOT NULL,
  nonce TEXT NOT NULL, block_height INTEGER REFERENCES chain_block (height)
) STRICT;
CREATE INDEX IF NOT EXISTS chain_tx_block ON chain_tx (block_height);
"""
BLOCK_SECONDS = 0.5
BLOCK_MAX = 1000


def merkle_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 2.1.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + merkle_root(leaves[:split]) + merkle_root(leaves[split:])).digest()


def _sha256_text(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


class Ledger:
    def __init__(self, store: Store, paused: Callable[[], bool]) -> None:
        self._store = store
        self._paused = paused
        if store.row("SELECT 1 FROM chain_block") is None:
            with store.write() as db:
                self._append(db, 0, "0" * 64, [])

    def submit(self, transaction_id: str, phase: str, notary_type: str, content: str, attributes: str) -> str:
        """A new transaction; it is on the chain when a block has sealed it. Returns its hash."""
        at, nonce = now_ms(), secrets.token_hex(16)
        digest = hashlib.sha256(content.encode()).hexdigest()
        tx_hash = _sha256_text(transaction_id, phase, notary_type, digest, at, nonce)
        with self._store.write() as db:
            db.execute(
                "INSERT INTO chain_tx (tx_hash, transaction_id, phase, notary_type, content, attributes, submitted_at,"
                " nonce) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (tx_hash, transaction_id, phase, notary_type, content, attributes, at, nonce),
            )
        return tx_hash

    def transaction(self, tx_hash: str) -> sqlite3.Row | None:
        """The transaction with its block's columns (null while it waits for a block)."""
        return self._store.row(
            "SELECT t.*, b.hash AS block_hash, b.sealed_at FROM chain_tx t"
            " LEFT JOIN chain_block b ON b.height = t.block_height WHERE t.tx_hash = ?",
            tx_hash,
        )

    def seal(self) -> bool:
        """Puts the waiting transactions into one block; false when none waits."""
        with self._store.write() as db:
            waiting = db.execute(
                "SELECT tx_hash FROM chain_tx WHERE block_height IS NULL ORDER BY id LIMIT ?", (BLOCK_MAX,)
            ).fetchall()
            if not waiting:
                return False
            last = db.execute("SELECT height, hash FROM chain_block ORDER BY height DESC LIMIT 1").fetchone()
            self._append(db, last["height"] + 1, last["hash"], [row["tx_hash"] for row in waiting])
            return True

    async def run(self) -> None:
        """Seals for ever, about every half second; a failure is logged and tried again."""
        while True:
            await asyncio.sleep(BLOCK_SECONDS)
            if self._paused():
                continue
            try:
                await asyncio.to_thread(self.seal)
            except sqlite3.Error:
                logging.getLogger(__name__).exception("sealing a block failed")

    def _append(self, db: sqlite3.Connection, height: int, prev_hash: str, tx_hashes: list[str]) -> None:
        at = now_ms()
        root = merkle_root([bytes.fromhex(tx_hash) for tx_hash in tx_hashes]).hex()
        block_hash = _sha256_text(height, prev_hash, at, root)
        db.execute(
            "INSERT INTO chain_block VALUES (?, ?, ?, ?, ?, ?)",
            (height, block_hash, prev_hash, at, root, len(tx_hashes)),
        )
        db.executemany(
            "UPDATE chain_tx SET block_height = ? WHERE tx_hash = ?", [(height, tx_hash) for tx_hash in tx_hashes]
        )

    def block(self, height: int) -> dict[str, object] | None:
        row = self._store.row("SELECT * FROM chain_block WHERE height = ?", height)
        if row is None:
            return None
        found = self._store.rows("SELECT tx_hash FROM chain_tx WHERE block_height = ? ORDER BY id", height)
        return {
            "height": row["height"],
            "hash": row["hash"],
            "prev_hash": row["prev_hash"],
            "sealed_at": row["sealed_at"],
            "time": iso_utc(row["sealed_at"]),
            "tx_root": row["tx_root"],
            "transactions": [tx["tx_hash"] for tx in found],
        }


def explorer_router(ledger: Ledger) -> APIRouter:
    """The public explorer, JSON. Contents stay with the depositor: it shows their hash."""
    router = APIRouter(prefix="/chain")

    @router.get("/blocks/{height}")
    def block(height: int) -> JSONResponse:
        found = ledger.block(height) if 0 <= height < 1 << 62 else None
        return _missing("block") if found is None else JSONResponse(found)

    @router.get("/tx/{tx_hash}")
    def transaction(tx_hash: str) -> JSONResponse:
        row = ledger.transaction(tx_hash)
        if row is None:
            return _missing("transaction")
        return JSONResponse(
            {
                "tx_hash": row["tx_hash"],
                "transaction_id": row["transaction_id"],
                "phase": row["phase"],
                "notary_type": row["notary_type"],
                "content_sha256": hashlib.sha256(row["content"].encode()).hexdigest(),
                "submitted_at": row["submitted_at"],
                "nonce": row["nonce"],
                "status": "pending" if row["block_height"] is None else "confirmed",
                "block_height": row["block_height"],
                "block_hash": row["block_hash"],
                "block_time": None if row["sealed_at"] is None else iso_utc(row["sealed_at"]),
            }
        )

    return router


def _missing(what: str) -> JSONResponse:
    return JSONResponse({"code": "NOT_FOUND", "message": f"no such {what}"}, 404)
