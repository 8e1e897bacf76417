"""An evidence package's independent checker.

Stands by itself: Python 3.11's standard library and `cryptography`, nothing of the platform, so that it can be read,
kept and run apart from it (a copy lies in every package). It follows RFC 9162 (Merkle proofs), C2SP signed-note,
tlog-checkpoint and tlog-proof, RFC 7515 and 8037 (activation statements). What it cannot do offline, it says: ask the
judicial chain for the block, and validate the signatures inside the PDF.
"""

from .verify import CHECKS, Report, check

__all__ = ["CHECKS", "Report", "check"]
