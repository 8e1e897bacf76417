"""Who may call what: read from the proto option `(esign.common.v1.access)`, enforced by the server, listed for tests."""

from collections.abc import Iterable
from dataclasses import dataclass

from esign.common.v1 import access_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

_CALLERS = {
    value: access_pb2.Caller.Name(value).removeprefix("CALLER_").lower().replace("_", "-")
    for value in access_pb2.Caller.values()
    if value
}
SYSTEMS = frozenset({"leasing", "procurement", "jde", "operator"})
"""Callers outside the platform's own services."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The access rule of one RPC."""

    method: str
    """`/esign.contract.v1.PortalService/GetContract`."""
    callers: frozenset[str]
    for_person: bool
    idempotent: bool


def rules_of(service: ServiceDescriptor) -> dict[str, Rule]:
    """The rules of one gRPC service by method path. Raises ValueError naming the RPC that has none."""
    rules = {}
    for method in service.methods:
        options = method.GetOptions()
        access = options.Extensions[access_pb2.access]
        callers = frozenset(_CALLERS.get(value, "") for value in access.callers)
        if not callers or "" in callers or not access.acting_for:
            raise ValueError(f"{method.full_name} has no access rule")
        path = f"/{service.full_name}/{method.name}"
        rules[path] = Rule(
            method=path,
            callers=callers,
            for_person=access.acting_for == access_pb2.ACTING_FOR_PERSON,
            idempotent=options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN,
        )
    return rules


def rules_by_name(services: Iterable[str]) -> dict[str, Rule]:
    """The rules of gRPC services by their full names; their generated modules must have been imported."""
    pool = descriptor_pool.Default()
    rules: dict[str, Rule] = {}
    for name in services:
        rules |= rules_of(pool.FindServiceByName(name))
    return rules
