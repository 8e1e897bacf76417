"""Amounts of money: decimal, two places, never floating point."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Self

from esign_contract.domain import refusals

_AMOUNT: Final = re.compile(r"(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,2})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of a currency (ISO 4217), 0.00 to 9999999999999.99."""

    currency: str
    amount: Decimal

    @classmethod
    def parse(cls, currency: str, amount: str) -> Self:
        """Read decimal digits with at most two places. Raises InvalidInput, also for signs, exponents and separators."""
        if not _CURRENCY.fullmatch(currency) or not _AMOUNT.fullmatch(amount):
            raise refusals.invalid(
                "amount",
                "金额须为人民币元等币种的十进制数，最多两位小数",
                "An amount is decimal digits, at most two places",
            )
        return cls(currency, Decimal(amount).quantize(Decimal("0.01")))

    def text(self) -> str:
        """The amount with its two places, e.g. `12800.00`."""
        return f"{self.amount:.2f}"
