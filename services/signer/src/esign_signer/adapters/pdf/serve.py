"""`python -m esign_signer.adapters.pdf.serve FD`: a worker process. It takes calls and answers on an inherited socket.

A message is its length (8 bytes, big endian) and a pickle: first WorkerSettings, answered with True, then
(function, args, kwargs), each answered with (True, result) or (False, exception). Standard input is the leash: it ends
with the service, and the worker with it.
"""

import os
import pickle
import signal
import socket
import sys
import threading
import traceback
from typing import BinaryIO, Final

from esign_signer.adapters.pdf import worker

LENGTH: Final = 8


def frame(message: object) -> bytes:
    """A message as it goes over the socket."""
    content = pickle.dumps(message)
    return len(content).to_bytes(LENGTH, "big") + content


def main() -> None:
    """Serves until the other side closes the socket."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_service, daemon=True).start()
    with socket.socket(fileno=int(sys.argv[1])) as connection, connection.makefile("rb") as wire:
        worker.start(pickle.loads(_read(wire)))  # noqa: S301 - from the service itself
        connection.sendall(frame(True))
        while content := _read(wire):
            function, args, kwargs = pickle.loads(content)  # noqa: S301
            try:
                answer = (True, function(*args, **kwargs))
            except Exception as error:
                answer = (False, _portable(error))
            connection.sendall(frame(answer))


def _read(wire: BinaryIO) -> bytes:
    """Empty at the end."""
    return wire.read(int.from_bytes(wire.read(LENGTH), "big"))


def _portable(error: Exception) -> Exception:
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301
    except Exception:
        return RuntimeError("".join(traceback.format_exception(error)))
    return error


def _end_with_service() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
