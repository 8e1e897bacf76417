"""`python -m esign_identity.adapters.face_engine.serve FD MEMORY_LIMIT`: a worker process.

It loads the models, says so, and answers one message after another on an inherited socket (see `wire`). Standard input is
the leash: it ends with the service, and the worker with it.
"""

import os
import resource
import signal
import socket
import sys
import threading
import traceback
from typing import BinaryIO

from esign_identity.adapters.face_engine import wire
from esign_identity.adapters.face_engine.judging import FaceJudge
from esign_identity.domain.liveness import FaceAction


def main() -> None:
    """Serves until the other side closes the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_service, daemon=True).start()
    limit = int(sys.argv[2])
    if limit and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with socket.socket(fileno=int(sys.argv[1])) as connection, connection.makefile("rb") as file:
        judge = FaceJudge()
        connection.sendall(wire.message({"ready": True}))
        while (head := file.read(wire.HEAD)) and len(head) == wire.HEAD:
            connection.sendall(_answer(judge, *_read(file, head)))


def _answer(judge: FaceJudge, asked: dict[str, object], blobs: list[bytes]) -> bytes:
    try:
        if asked["do"] == "judge":
            return wire.report_message(judge.judge(FaceAction(str(asked["action"])), blobs))
        embedding = judge.embed(blobs[0])
        return wire.message({}, [embedding] if embedding else [])
    except Exception as error:
        return wire.message({"error": _where(error)})


def _where(error: Exception) -> str:
    """Kind and place; not the text, which may quote what a stranger sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at " + " < ".join(
        f"{os.path.basename(one.filename)}:{one.lineno}" for one in reversed(frames)
    )


def _read(file: BinaryIO, head: bytes) -> tuple[dict[str, object], list[bytes]]:
    text, body = wire.lengths(head)
    return wire.content(file.read(text), file.read(body))


def _end_with_service() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
