"""Codes by which anybody verifies a document that has no number of its own. 文书验证码.

``KY``, twelve characters drawn at random, one check character (ISO 7064 MOD 37,36): a slip of the pen is told from a code
that nobody bears, and nobody finds documents by counting.
"""

from __future__ import annotations

import re
import secrets

from kunyu.engines.documents.making import Proof
from kunyu.engines.documents.settings import public_address
from kunyu.kernel.identifiers import certificate_check

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # neither I nor O: they are read as digits
_DRAWN = 12
_SHAPE = re.compile(r"KY[0-9A-Z]{12}[0-9A-Z]")


def new_code() -> str:
    """A code that nobody can guess."""
    drawn = "KY" + "".join(secrets.choice(_ALPHABET) for _ in range(_DRAWN))
    return drawn + certificate_check(drawn)


def is_shaped(text: str) -> bool:
    """Is this built like a code, whatever its check character?"""
    return _SHAPE.fullmatch(text) is not None


def is_right(text: str) -> bool:
    """Does its check character hold?"""
    return is_shaped(text) and certificate_check(text[:-1]) == text[-1]


def proof_of(code: str) -> Proof:
    """The mark for a code or number: its address is the public page of this node."""
    return Proof(code, f"{public_address()}/verify/{code}")
