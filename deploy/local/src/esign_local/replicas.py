"""Replicas of a service or of the gateway: what they are called, and how others reach all of them."""

import sys
from collections.abc import Mapping, Sequence


def programs(name: str, replicas: Mapping[str, int]) -> list[str]:
    """The programs that are a service's replicas: `identity`, `identity-2`, …"""
    return [name, *(f"{name}-{number}" for number in range(2, replicas.get(name, 1) + 1))]


def service_of(program: str) -> str:
    """What a program is a replica of: `identity-2` → `identity`."""
    name, _, number = program.rpartition("-")
    return name if number.isdigit() else program


def target(addresses: Sequence[str]) -> str:
    """A gRPC target for all these IPv4 addresses."""
    return addresses[0] if len(addresses) == 1 else f"ipv4:{','.join(addresses)}"


def module(program: str) -> list[str]:
    """The command that runs a service or the gateway."""
    return [sys.executable, "-m", f"esign_{service_of(program).replace('-', '_')}.main"]
