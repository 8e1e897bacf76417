"""How long the law has the platform keep who stood behind a signature."""

from datetime import datetime

YEARS = 5
"""电子签名法 第二十四条: information on certificates is kept for at least five years after their end. A one-off certificate
ends with its signature."""


def kept_until(last_signature: datetime | None) -> datetime | None:
    """Until when name and ID number of a person are kept; None for somebody who never signed."""
    if last_signature is None:
        return None
    try:
        return last_signature.replace(year=last_signature.year + YEARS)
    except ValueError:  # 29 February
        return last_signature.replace(year=last_signature.year + YEARS, month=3, day=1)
