"""Imports without optional extras."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Have imports inside find none of `packages`, as if they were not installed.

    Some libraries import optional companions as soon as they are there, for whatever reason they are; a service would
    hold megabytes of what it never uses. A package that has been imported before is left as it is.
    """
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
