"""Where the signer keeps keys on this machine: wrapped by a master key, and organisations' new ones, if that is wanted, in a
PKCS#11 token (SoftHSM, Debian: softhsm2)."""

import base64
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from esign_kit.engines.base import write_private

if TYPE_CHECKING:
    from esign_local.material import Material

STORES = ("software", "pkcs11")
LABEL = "esign"


def signer_keys(material: "Material", store: str) -> dict[str, object]:
    """The signer's settings about keys, with a token made when it is wanted first. It stays at hand for the keys in it
    when the next ones are to be software keys again.

    Raises ValueError for a store that is none of `STORES`, FileNotFoundError without SoftHSM.
    """
    if store not in STORES:
        raise ValueError(f"organisations' keys are kept in {' or '.join(STORES)}")
    master_key = base64.b64encode(secrets.token_bytes(32)).decode()
    token = material.secrets_dir / "signer" / "token"
    keys: dict[str, object] = {"organisations": store.upper()}
    if store == "pkcs11" or token.exists():
        keys["pkcs11"] = _token(token, material.password("signer", "token-pin"))
    return {"master_key_file": material.text("signer", "master-key", master_key), "keys": keys}


def _token(folder: Path, pin_file: Path) -> dict[str, object]:
    program = shutil.which("softhsm2-util")
    if program is None:
        raise FileNotFoundError("softhsm2-util (Debian: softhsm2) is missing: no keys in a PKCS#11 token")
    configuration = folder / "softhsm2.conf"
    if not configuration.exists():
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "objects").mkdir(parents=True, mode=0o700)
        text = f"directories.tokendir = {folder / 'objects'}\nobjectstore.backend = file\nlog.level = ERROR\n"
        draft = folder / "draft.conf"
        write_private(draft, text)
        pin = pin_file.read_text()
        subprocess.run(
            [program, "--init-token", "--free", "--label", LABEL, "--pin", pin, "--so-pin", pin],
            env={"SOFTHSM2_CONF": str(draft)},
            check=True,
            capture_output=True,
            timeout=30,
        )
        draft.rename(configuration)
    return {
        "module": Path(program).resolve().parent.parent / "lib" / "softhsm" / "libsofthsm2.so",
        "token": LABEL,
        "pin_file": pin_file,
        "environment": {"SOFTHSM2_CONF": str(configuration)},
    }
