"""The texts that people accept: files of this package, one for each kind and version."""

from importlib.resources import files

from esign_identity.domain.consent import ConsentKind, ConsentText


def consent_text(kind: ConsentKind, version: str) -> ConsentText:
    """`texts/<kind>-<version>.md`: a heading, which is the title, then the text. Raises ValueError when there is none."""
    name = f"{kind.value.lower()}-{version}.md"
    file = files("esign_identity").joinpath("texts", name)
    if "/" in version or not file.is_file():
        raise ValueError(f"no text {name}")
    heading, _, text = file.read_text(encoding="utf-8").partition("\n")
    if not heading.startswith("# ") or not text.strip():
        raise ValueError(f"{name} has no heading or no text")
    return ConsentText(kind, version, heading.removeprefix("# ").strip(), text.strip())
