"""Settings files: TOML 1.0 of nested mappings."""

import json
from collections.abc import Mapping
from pathlib import Path


def to_toml(table: Mapping[str, object]) -> str:
    """TOML 1.0 of nested mappings with strings, numbers, booleans, paths and lists of these and of mappings."""
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, object], path: tuple[str, ...]) -> list[str]:
    lines = [f"[{'.'.join(_string(part) for part in path)}]"] if path else []
    lines += [f"{_string(key)} = {_value(value)}" for key, value in table.items() if not isinstance(value, Mapping)]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += _lines(value, (*path, key))
    return lines


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        return _string(str(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_string(key)} = {_value(item)}' for key, item in value.items())}}}"
    raise TypeError(f"no TOML for {type(value).__name__}")


def _string(text: str) -> str:
    # JSON's escapes are a subset of TOML's, but for characters written as surrogate pairs, hence not ASCII.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
