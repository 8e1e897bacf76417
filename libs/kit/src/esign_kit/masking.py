"""What screens, messages and logs may show of personal data."""


def mask_phone(phone: str) -> str:
    """Keep the first three and the last four digits: 138****5678."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "*" * len(phone)


def mask_id_number(number: str) -> str:
    """Keep the first three and the last four characters: 110***********1234."""
    return f"{number[:3]}{'*' * (len(number) - 7)}{number[-4:]}" if len(number) >= 10 else "*" * len(number)


def mask_name(name: str) -> str:
    """Hide all but the last character: *三, **丰."""
    return "*" * (len(name) - 1) + name[-1:]
