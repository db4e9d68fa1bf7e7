"""Who signs when a seal is used: its certificate and keys, and the clock that stamps. 用印身份."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals.keys import seal_keys
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.documents.signatures.suites import SM2, Identity, Suite
from kunyu.engines.documents.signatures.time_stamps import Stamper, stamper


def identity_of(seal: Seal, suite: Suite) -> Identity:
    """The seal as a signer of this suite."""
    keys = seal_keys()
    certificate = seal.sm2_certificate if suite is SM2 else seal.ecdsa_certificate
    sign = keys.sign_sm2 if suite is SM2 else keys.sign_ecdsa
    return Identity(suite, bytes(certificate), seal_maker().roots(suite), partial(sign, seal.key_name))


def clock_at(suite: Suite, at: datetime) -> Stamper:
    """The maker's clock, stamping ``at``."""
    return stamper(seal_maker().clock(suite), at)
