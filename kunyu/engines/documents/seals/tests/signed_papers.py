"""Sealed papers for tests of verification."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kunyu.engines.documents import signing
from kunyu.engines.documents.models import Seal
from kunyu.engines.documents.seals.identities import identity_of
from kunyu.engines.documents.seals.makers import seal_maker
from kunyu.engines.documents.seals.tests.made import DECIDER, paper
from kunyu.engines.documents.signatures import pdf_writing
from kunyu.engines.documents.signatures.suites import SUITES, Identity


def sealed(seal: Seal, profile: str, pdf: bytes | None = None) -> bytes:
    """A paper with one signature, by the service."""
    return signing.sign_pdf(DECIDER, paper() if pdf is None else pdf, seal, profile=profile, subject="licence:1")


def signed_behind_the_service(
    seal: Seal, profile: str, at: datetime, *, identity: Identity | None = None, clock: Identity | None = None
) -> bytes:
    """A paper signed with the seal's keys at any moment, past every check: what a thief of the keys could do."""
    suite = SUITES[profile]
    asked = pdf_writing.Signing(
        identity=identity_of(seal, suite), clock=seal_maker().clock(suite), name=seal.name_zh, reason="", at=at,
        appearance=None,
    )  # fmt: skip
    asked = replace(asked, identity=identity or asked.identity, clock=clock or asked.clock)
    return pdf_writing.sign(paper(), asked)
