"""Names in PDFs as text. They may be in any encoding, GBK for one; none that matters to intake is beyond ASCII."""

import pikepdf
from pikepdf import Name


def name_of(value: object) -> str:
    """A name with its slash, or nothing."""
    return text_of(value) if isinstance(value, Name) else ""


def text_of(value: pikepdf.Object) -> str:
    """A name or a string; one that is no text as the file writes it."""
    try:
        return str(value)
    except UnicodeDecodeError:
        return bytes(value.unparse()).decode("latin-1")
