"""A stand-in for the parent node as keeper of checkpoints. 上级节点锚定（模拟）.

It does what a parent must do, in a folder of its own: verify the node's signature, keep the first certificate it saw of a
node and refuse others, refuse a checkpoint that contradicts one it has, answer with a receipt under its own key. Only
the network is left out. Its receipts say that they are simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kunyu.engines.security.audit.anchor_file import SUFFIX
from kunyu.engines.security.audit.checkpoints import Checkpoint, SignedCheckpoint, read_checkpoint
from kunyu.engines.security.audit.export_format import CHECKPOINT, checkpoint_line
from kunyu.engines.security.audit.records import written_time
from kunyu.engines.security.audit.walk import signature_is_right
from kunyu.kernel.crypto.certificates import SIGNING, read_certificate, self_signed
from kunyu.kernel.crypto.pkcs8 import read_private_key, write_private_key
from kunyu.kernel.crypto.provider import KeyHandle, KeyKind
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.errors import Refused


class CheckpointRefused(Refused):
    """A checkpoint that its keeper does not take."""

    code = "audit.checkpoint_refused"
    title_zh, title_en = "检查点被拒收", "Checkpoint refused"


@dataclass(frozen=True)
class SimulatedParent:
    """The keeper, with everything it knows in ``folder``."""

    folder: Path

    def put(self, checkpoint: SignedCheckpoint, certificate_pem: str) -> dict[str, Any]:
        """Take a checkpoint in and answer with the receipt; CheckpointRefused when it must not be taken."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = read_checkpoint(checkpoint.text)
        certificate = read_certificate(certificate_pem.encode())
        known = self.folder / f"{sm3_hex(found.node.encode())[:16]}.pem"
        if known.exists() and known.read_bytes() != certificate.pem():
            raise _refused(
                f"证书与首次登记的不同：{certificate.fingerprint}", "its certificate is not the one first seen"
            )
        right = signature_is_right(certificate.public_key, checkpoint.text, checkpoint.signature)
        if not right or found.signer != certificate.fingerprint:
            raise _refused("签名不符", "its signature is wrong")
        kept = self.folder / f"{sm3_hex(found.node.encode())[:16]}{SUFFIX}"
        _require_one_story(found, kept)
        known.write_bytes(certificate.pem())
        with kept.open("ab") as file:
            file.write(checkpoint_line(checkpoint.text, checkpoint.signature))
        return self._receipt(found)

    def _receipt(self, found: Checkpoint) -> dict[str, Any]:
        text = canonical_json({
            "kind": "kunyu.audit.receipt.1", "simulated": True, "node": found.node, "number": found.number,
            "seq": found.seq, "checkpoint": found.digest(), "time": written_time(datetime.now(UTC)),
        })  # fmt: skip
        provider = SoftwareProvider()
        key, certificate = self._key(provider)
        return {"text": text.decode(), "signature": provider.sign(key, text).hex(), "certificate": certificate}

    def _key(self, provider: SoftwareProvider) -> tuple[KeyHandle, str]:
        """The keeper's own key; in the clear, for it vouches for nothing but a demonstration."""
        private, public = self.folder / "parent.key", self.folder / "parent.crt"
        if not private.exists():
            key, now = provider.generate(KeyKind.SM2), datetime.now(UTC)
            made = self_signed(
                provider, key, {"common_name": "simulated parent"}, (now, now + timedelta(days=365)), SIGNING
            )
            private.touch(mode=0o600)
            private.write_bytes(write_private_key(provider, key, b"simulated"))
            public.write_bytes(made.pem())
        return read_private_key(provider, private.read_bytes(), b"simulated", production=False), public.read_text()


def _require_one_story(found: Checkpoint, kept: Path) -> None:
    if not kept.exists():
        return
    for line in kept.read_bytes().splitlines(keepends=True):
        match = CHECKPOINT.fullmatch(line)
        if match is None:
            continue
        earlier = read_checkpoint(match[1])
        same_place = earlier.seq == found.seq or earlier.number == found.number
        backwards = (earlier.seq > found.seq) != (earlier.number > found.number)
        if backwards or (same_place and (earlier.link, earlier.number) != (found.link, found.number)):
            raise _refused(
                f"与已收的检查点 {earlier.number} 矛盾：审计出现分叉",
                f"it contradicts checkpoint {earlier.number}: a fork",
            )


def _refused(zh: str, en: str) -> CheckpointRefused:
    return CheckpointRefused(
        f"检查点未被接收：{zh}。请查明原因。", f"The checkpoint was not taken: {en}. Look into it."
    )
