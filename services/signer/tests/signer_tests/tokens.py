"""A PKCS#11 token in software (SoftHSM), with its files in a folder."""

import os
import shutil
import subprocess
from pathlib import Path

from esign_signer.adapters.keys.settings import Pkcs11Settings

LABEL = "esign"
PIN = "246810"


class SoftToken:
    """One token. The module finds it by an environment variable of the process, so a process has one at a time."""

    def __init__(self, folder: Path) -> None:
        util = shutil.which("softhsm2-util")
        assert util is not None, "softhsm2-util is missing (Debian: softhsm2)"
        self.module = Path(util).resolve().parent.parent / "lib" / "softhsm" / "libsofthsm2.so"
        self.tokens, self.pin_file = folder / "tokens", folder / "token.pin"
        self.tokens.mkdir()
        self.pin_file.write_text(PIN + "\n")
        configuration = folder / "softhsm2.conf"
        configuration.write_text(
            f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        subprocess.run(
            [util, "--init-token", "--free", "--label", LABEL, "--so-pin", "13579111", "--pin", PIN],
            check=True,
            capture_output=True,
        )

    @property
    def settings(self) -> Pkcs11Settings:
        """As a worker is given them."""
        return Pkcs11Settings(self.module, LABEL, self.pin_file)

    def take_away(self) -> None:
        """The token is gone."""
        self.tokens.rename(self.tokens.with_suffix(".away"))

    def bring_back(self) -> None:
        """It is back."""
        self.tokens.with_suffix(".away").rename(self.tokens)
