"""Limits of documents and their verification, from variables ``KUNYU_DOCUMENTS_*``."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from functools import lru_cache

MIB = 1 << 20


@dataclass(frozen=True)
class DocumentsSettings:
    """Typed limits with defaults that are safe on a laptop.

    Attributes
    ----------
    template_bytes_max : int
        Largest template; a Word template with a coat of arms has a few hundred KiB.
    filled_letters_max : int
        Most letters that a template is filled with.
    pages_max : int
        Most pages of a made document.
    verify_bytes_max : int
        Largest file that is verified by upload.
    verify_at_once : int
        Files verified at the same time in one process; further ones are asked to come again.
    archive_bytes_max : int
        Largest archive package.
    """

    template_bytes_max: int = 4 * MIB
    filled_letters_max: int = 2_000_000
    pages_max: int = 500
    verify_bytes_max: int = 50 * MIB
    verify_at_once: int = 2
    archive_bytes_max: int = 4096 * MIB


@lru_cache(maxsize=1)
def documents_settings() -> DocumentsSettings:
    """The limits in force in this process."""
    given = {}
    for field in fields(DocumentsSettings):
        text = os.environ.get(f"KUNYU_DOCUMENTS_{field.name.upper()}")
        if text is not None:
            given[field.name] = int(text)
    return DocumentsSettings(**given)


def public_address() -> str:
    """What a QR code begins with: where people outside reach this node, without a slash at its end."""
    port = os.environ.get("KUNYU_PORT", "8080")
    return (os.environ.get("KUNYU_PUBLIC_ADDRESS") or f"http://localhost:{port}").rstrip("/")
