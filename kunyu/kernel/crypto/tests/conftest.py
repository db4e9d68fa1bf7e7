"""Keys and rings for the cryptography's tests. Passphrases use the fewest rounds allowed, to stay fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from kunyu.kernel.crypto.kdf import MINIMUM_ITERATIONS
from kunyu.kernel.crypto.keyring import KeyRing
from kunyu.kernel.crypto.keyring_state import KeyPurpose
from kunyu.kernel.crypto.roots import PassphraseRoot
from kunyu.kernel.crypto.software import SoftwareProvider


@pytest.fixture(scope="module")
def provider() -> SoftwareProvider:
    return SoftwareProvider()


@pytest.fixture
def root() -> PassphraseRoot:
    return PassphraseRoot(b"correct horse", MINIMUM_ITERATIONS)


@pytest.fixture
def ring(provider: SoftwareProvider, root: PassphraseRoot, tmp_path: Path) -> KeyRing:
    """A production ring with one key of each purpose in domain ``personal``."""
    made = KeyRing.create(provider, tmp_path / "ring.json", root, production=True)
    made.add_domain("personal")
    made.add_key("personal/party", KeyPurpose.FIELD)
    made.add_key("personal/index", KeyPurpose.INDEX)
    made.add_key("personal/files", KeyPurpose.FILE)
    return made
