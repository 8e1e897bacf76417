"""One typed error for the whole platform.

An error has a stable `reason` (UPPER_SNAKE, part of the interface), a text for people in Chinese and in English, and
metadata. It is rendered three ways: raised in Python, as a gRPC status (`grpc_errors`), as RFC 9457 problem+json
(`problem`). This module imports nothing, so that the domain may raise these errors.
"""

from typing import ClassVar


class EsignError(Exception):
    """An expected refusal. `kind` says what sort, `reason` exactly which.

    >>> str(NotFound("CONTRACT_NOT_FOUND", zh="合同不存在", en="No such contract"))
    'CONTRACT_NOT_FOUND: No such contract'
    """

    kind: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500

    def __init__(self, reason: str, *, zh: str, en: str, **metadata: str) -> None:
        super().__init__(f"{reason}: {en}")
        self.reason = reason
        self.zh = zh
        self.en = en
        self.metadata = metadata


class InvalidInput(EsignError):
    """What was sent is wrong in itself; sending it again cannot help."""

    kind = "invalid_input"
    http_status = 400


class Unauthenticated(EsignError):
    """Nobody, or nobody known, is asking."""

    kind = "unauthenticated"
    http_status = 401


class Forbidden(EsignError):
    """Who asks is known and may not."""

    kind = "forbidden"
    http_status = 403


class NotFound(EsignError):
    """It is not there, or not for the one who asks."""

    kind = "not_found"
    http_status = 404


class Conflict(EsignError):
    """It does not go with the present state."""

    kind = "conflict"
    http_status = 409


class TooLarge(EsignError):
    """What was sent is larger than what is taken."""

    kind = "too_large"
    http_status = 413


class Limited(EsignError):
    """Too often or too much; metadata `retry_after_seconds` says when to try again, where known."""

    kind = "limited"
    http_status = 429


class Unavailable(EsignError):
    """A part that is needed does not answer now; the same may work later."""

    kind = "unavailable"
    http_status = 503


class TimedOut(EsignError):
    """It took longer than the caller would wait."""

    kind = "timed_out"
    http_status = 504


class Internal(EsignError):
    """Something unexpected: says nothing to the caller, everything is in the log."""

    kind = "internal"
    http_status = 500

    def __init__(
        self,
        reason: str = "INTERNAL",
        *,
        zh: str = "系统内部错误，请稍后重试",
        en: str = "Internal error",
        **metadata: str,
    ) -> None:
        super().__init__(reason, zh=zh, en=en, **metadata)


KINDS: dict[str, type[EsignError]] = {
    cls.kind: cls
    for cls in (
        InvalidInput,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        TooLarge,
        Limited,
        Unavailable,
        TimedOut,
        Internal,
    )
}
"""Every kind of error by its name."""
