"""The photograph of the person before the camera, as the hosted face pages take it."""

import sqlite3

from fastapi import UploadFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS face_photo (
  check_id TEXT PRIMARY KEY, jpeg BLOB NOT NULL, taken_at INTEGER NOT NULL
) STRICT;
"""
KEPT_SECONDS = 3 * 86400


class PhotoError(ValueError):
    """What was sent as a photograph is none; the text is for the sender."""


def jpeg_of(upload: UploadFile | None) -> bytes | None:
    """The bytes of an uploaded JPEG; None when there is none or its file is empty. Raises PhotoError."""
    content = b"" if upload is None else upload.file.read()
    if not content:
        return None
    if not content.startswith(b"\xff\xd8\xff"):
        raise PhotoError("photo: must be a JPEG")
    return content


def keep(db: sqlite3.Connection, check_id: str, jpeg: bytes, at: int) -> None:
    """Keeps the photograph of a check, and forgets those that are older than three days."""
    db.execute("DELETE FROM face_photo WHERE taken_at < ?", (at - KEPT_SECONDS * 1000,))
    db.execute("INSERT INTO face_photo (check_id, jpeg, taken_at) VALUES (?, ?, ?)", (check_id, jpeg, at))
