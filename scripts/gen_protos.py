"""Generate `libs/protos` from `proto/`: messages, gRPC stubs and their types.

`python scripts/gen_protos.py` writes; `--check` exits 1 when what is committed differs from what would be written.
"""

import filecmp
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "proto"
TARGET = ROOT / "libs" / "protos" / "src"


def generate(target: Path) -> None:
    """Write the generated package `esign` below `target`; raises SystemExit when protoc refuses."""
    files = sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.proto"))
    well_known = str(resources.files("grpc_tools") / "_proto")
    outs = [f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
    if protoc.main(["protoc", f"-I{SOURCE}", f"-I{well_known}", *outs, *files]) != 0:
        raise SystemExit("protoc failed")
    for folder in [target / "esign", *(path for path in (target / "esign").rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text("")
    (target / "esign" / "py.typed").write_text("")


def main() -> None:
    """Generate, or with `--check` compare."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        generate(fresh)
        names = {p.relative_to(fresh) for p in fresh.rglob("*") if p.is_file()}
        present = {
            p.relative_to(TARGET) for p in (TARGET / "esign").rglob("*") if p.is_file() and "__pycache__" not in p.parts
        }
        stale = sorted(
            str(name)
            for name in names | present
            if not (fresh / name).exists()
            or not (TARGET / name).exists()
            or not filecmp.cmp(fresh / name, TARGET / name, shallow=False)
        )
        if "--check" in sys.argv:
            if stale:
                raise SystemExit("generated code is out of date, run `make proto`: " + ", ".join(stale))
            return
        shutil.rmtree(TARGET / "esign", ignore_errors=True)
        shutil.copytree(fresh / "esign", TARGET / "esign")
        print(f"{len(names)} files in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
