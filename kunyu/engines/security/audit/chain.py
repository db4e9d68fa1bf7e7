"""The chain of the audit: leaf, link, genesis. 审计链. Pure; SM3 is GB/T 32905-2016.

``leaf = SM3(record)`` over the UTF-8 bytes of the record's text exactly as stored, ``link_n = SM3(link_{n-1} || leaf_n ||
n)`` with ``n`` as eight bytes, big-endian, counted from 1. ``link_0``, the genesis, is bound to the node, so that the log of
one node can never stand for another's.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes

DIGEST_BYTES = 32
_GENESIS = b"kunyu.audit.chain.1\x00"
_SM3 = hashes.SM3()


def digest(content: bytes) -> bytes:
    """SM3 of ``content``, 32 bytes."""
    running = hashes.Hash(_SM3)
    running.update(content)
    return running.finalize()


def genesis(node: str) -> bytes:
    """``link_0`` of the node with this identifier."""
    return digest(_GENESIS + node.encode("utf-8"))


def link(previous: bytes, leaf: bytes, number: int) -> bytes:
    """``link_n`` from ``link_{n-1}``, ``leaf_n`` and ``n``."""
    return digest(previous + leaf + number.to_bytes(8, "big"))
