"""How intake says no."""


class Refused(Exception):
    """The document is not taken. `code` is one of `domain.refusals.DOCUMENT_CODES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
