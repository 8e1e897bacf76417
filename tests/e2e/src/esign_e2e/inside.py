"""A look behind the doors, for tests: rows, the event stream, spans. Nothing here changes anything."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import nats
import psycopg
from esign_kit.bus import STREAM, SUBJECTS
from esign_local.configuration import SERVICES, event_user
from esign_local.stack import Stack

from esign_e2e.doors import until
from esign_e2e.journey import Journey


@dataclass(frozen=True)
class Event:
    """An event as it stands in the stream."""

    id: str
    type: str
    contract_id: str
    trace_id: str
    data: bytes

    @property
    def name(self) -> str:
        """E.g. `contract.ContractCompleted`."""
        parts = self.type.split(".")
        return f"{parts[1]}.{parts[-1]}"


async def rows(stack: Stack, service: str, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Rows of a service's database."""
    dsn = stack.postgres.dsn(event_user(service)).replace("postgresql+psycopg", "postgresql")
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        return await (await connection.execute(sql.encode(), parameters)).fetchall()


async def events(stack: Stack) -> list[Event]:
    """The whole stream, in order."""
    client = await nats.connect(stack.nats.url_for("admin"), connect_timeout=5)
    found: list[Event] = []
    try:
        js = client.jetstream(timeout=10)
        last = (await js.stream_info(STREAM)).state.last_seq
        subscription = await js.subscribe(SUBJECTS, ordered_consumer=True)
        while last:
            message = await subscription.next_msg(timeout=10)
            headers = message.headers or {}
            trace_id = headers.get("traceparent", "00-").split("-")[1]
            subject = headers.get("ce-subject", "")
            found.append(Event(headers["ce-id"], headers["ce-type"], subject, trace_id, message.data))
            if message.metadata.sequence.stream >= last:
                break
        return found
    finally:
        await client.close()


async def settled(stack: Stack, *, seconds: float = 60) -> None:
    """Return when every outbox is published and every consumer has handled everything. Raises TimeoutError."""

    async def look() -> bool | None:
        for service in SERVICES:
            if await rows(stack, service, "SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT 1"):
                return None
        client = await nats.connect(stack.nats.url_for("admin"), connect_timeout=5)
        try:
            for consumer in await client.jetstream(timeout=10).consumers_info(STREAM):
                if consumer.num_pending or consumer.num_ack_pending:
                    return None
        finally:
            await client.close()
        return True

    await until("every event handled", look, seconds=seconds)


async def parked(stack: Stack) -> list[tuple[Any, ...]]:
    """What no consumer could handle."""
    sql = "SELECT consumer, type, error FROM parked"
    return [(service, *row) for service in SERVICES for row in await rows(stack, service, sql)]


async def audit(stack: Stack, journeys: Sequence[Journey]) -> None:
    """Nothing was lost, nothing happened twice: rows, stream, log and mailbox of completed journeys.

    Raises AssertionError listing everything that is wrong.
    """
    await settled(stack)
    problems: list[str] = [f"parked: {row}" for row in await parked(stack)]
    stream = await events(stack)
    problems += [
        f"{count} times in the stream: {id_}" for id_, count in Counter(e.id for e in stream).items() if count > 1
    ]

    # Events go on happening while one looks: what was in the stream has a leaf by now, what has a leaf is in the stream by now.
    await settled(stack)
    [(size, leaves)] = await rows(
        stack, "evidence", "SELECT (SELECT size FROM log_state), array_agg(event_id) FROM records"
    )
    problems += [f"{count} leaves of event {id_}" for id_, count in Counter(leaves).items() if count > 1]
    problems += [f"no leaf for {e.name} {e.id}" for e in stream if e.id not in set(leaves)]
    ids = {event.id for event in await events(stack)}
    problems += [f"a leaf without an event: {id_}" for id_ in set(leaves) - ids]
    if size != len(leaves):
        problems.append(f"the log has size {size} and {len(leaves)} leaves")

    for journey in journeys:
        problems += [f"{journey.document_number}: {problem}" for problem in await _of_contract(stack, journey, stream)]
        problems += [f"{journey.document_number}: {problem}" for problem in await _messages(journey)]
    if problems:
        raise AssertionError("\n".join(problems))


async def _of_contract(stack: Stack, journey: Journey, stream: Iterable[Event]) -> list[str]:
    contract_id = journey.contract_id
    problems = []
    [(state,)] = await rows(stack, "contract", "SELECT state FROM contracts WHERE contract_id = %s", contract_id)
    if state != "COMPLETED":
        problems.append(f"the contract is {state}")
    jobs = await rows(
        stack, "signer", "SELECT activation_id, state FROM signing_jobs WHERE contract_id = %s", contract_id
    )
    if sorted(state for _, state in jobs) != ["DONE", "DONE"] or len({activation for activation, _ in jobs}) != 2:
        problems.append(f"signing jobs {jobs}")
    kept = await rows(stack, "signer", "SELECT 1 FROM keys WHERE contract_id = %s AND wrapped IS NOT NULL", contract_id)
    if kept:
        problems.append("a key made for one signature still exists")
    counts = Counter(event.name for event in stream if event.contract_id == contract_id)
    once = (
        "contract.ContractDispatched",
        "signer.DocumentReleased",
        "contract.ContractCompleted",
        "evidence.EvidencePackaged",
    )
    expected = dict.fromkeys(once, 1) | {"signer.DocumentSigned": 2, "contract.PartySigned": 2}
    expected["contract.DownloadUsed"] = 1 if journey.pdf else 0
    problems += [f"{counts[name]} events {name} instead of {n}" for name, n in expected.items() if counts[name] != n]
    return problems


async def _messages(journey: Journey) -> list[str]:
    """Told once; a code for each time that one was asked for, at most: when that was interrupted, it may not have gone out."""
    sms = await journey.mailbox.sms(journey.tenant.phone)
    mails = [m["subject"] + m["text"] for m in await journey.mailbox.mails(journey.tenant.email)]
    told = Counter(message["session_context"] for message in sms)
    problems = [f"{count} times by SMS: message {id_}" for id_, count in told.items() if count > 1]

    def count(text: str) -> int:
        return sum(text in message["text"] for message in sms)

    expected = {
        "login codes": (count("登录电子签章平台"), range(1, journey.asked["login"] + 1)),
        "signing codes": (count("身份核验"), range(1, journey.asked["signing"] + 1)),
        "invitations by SMS": (count("待签署"), range(1, 2)),
        "completions by SMS": (count("签署完成"), range(1, 2)),
        "mails": (len(mails), range(2, 3)),
    }
    return problems + [
        f"{n} {name}, expected {r.start} to {r.stop - 1}" for name, (n, r) in expected.items() if n not in r
    ]


async def gather_all(*coroutines: Any) -> None:
    """Run all to their end, then raise the first failure."""
    for result in await asyncio.gather(*coroutines, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
