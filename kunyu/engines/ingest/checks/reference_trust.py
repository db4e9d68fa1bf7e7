"""Whose reference packs this machine believes. 参考包的信任.

With keys given, the signer must be one of them. Without, the certificate a node first came with is remembered in a
folder, one file for each node, and that node's later packs must bear the same key: trust on first use. Django-free.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from kunyu.engines.ingest.checks.reference_errors import ReferenceNotTrusted
from kunyu.engines.ingest.checks.reference_file import Accept, Signed
from kunyu.engines.security.audit.public_keys import read_public_keys
from kunyu.kernel.crypto.certificates import read_certificate
from kunyu.kernel.crypto.errors import MalformedCertificate
from kunyu.kernel.errors import UnreadableInput

FOLDER_VARIABLE = "KUNYU_TRUST"
Say = Callable[[str, str], None]
"""Receives what the reader should know, in Chinese and in English."""


def trust_folder() -> Path:
    """Where certificates are remembered: ``KUNYU_TRUST``, else ``~/.config/kunyu/trust``."""
    given = os.environ.get(FOLDER_VARIABLE, "")
    return Path(given) if given else Path.home() / ".config" / "kunyu" / "trust"


def only(keys: Sequence[bytes]) -> Accept:
    """Accept the holders of these public keys (65 bytes each) and nobody else."""

    def accept(signed: Signed) -> None:
        if signed.certificate.public_key not in keys:
            raise ReferenceNotTrusted(
                f"参考包由“{signed.node_name}”的另一密钥签名（证书 {signed.certificate.fingerprint}），不是给定的公钥。"
                "请核对 --reference-key，或向节点重新下载参考包与证书。",
                f"The reference pack is signed by another key of '{signed.node_name}' (certificate "
                f"{signed.certificate.fingerprint}), not by a given one. Check --reference-key, or download pack and "
                "certificate from the node again.",
                signer=signed.certificate.fingerprint,
            )

    return accept


def key_file(path: Path) -> tuple[bytes, ...]:
    """The SM2 public keys of a PEM file: certificates and ``PUBLIC KEY`` blocks.

    Raises
    ------
    UnreadableInput, MalformedKey, MalformedCertificate
    """
    try:
        return read_public_keys(path.read_bytes())
    except OSError as error:
        raise UnreadableInput(
            f"公钥文件 {path.name} 无法读取（{error}）。", f"The key file {path.name} cannot be read ({error})."
        ) from error


def on_first_use(say: Say, folder: Path | None = None) -> Accept:
    """Accept a node's first certificate and remember it; later packs of that node must bear the same key."""
    place = folder or trust_folder()

    def accept(signed: Signed) -> None:
        path = place / (re.sub(r"[^A-Za-z0-9-]", "_", signed.node)[:80] + ".pem")
        known = _known(path)
        if known is None:
            _remember(path, signed, say)
        elif known != signed.certificate.public_key:
            raise ReferenceNotTrusted(
                f"“{signed.node_name}”的参考包换了签名密钥（证书 {signed.certificate.fingerprint}），与此前记住的不同。"
                f"请向该节点核对证书指纹；确系换钥后删除 {path} 再试，或用 --reference-key 指定证书。",
                f"The pack of '{signed.node_name}' is signed by another key (certificate {signed.certificate.fingerprint}) "
                f"than the one remembered. Compare the fingerprint with the node; if it did renew its key, delete {path} and "
                "try again, or name its certificate with --reference-key.",
                signer=signed.certificate.fingerprint,
            )

    return accept


def _known(path: Path) -> bytes | None:
    try:
        return read_certificate(path.read_bytes()).public_key
    except FileNotFoundError:
        return None
    except (OSError, MalformedCertificate) as error:
        # a remembered certificate that cannot be read is no reason to believe the next best one
        raise ReferenceNotTrusted(
            f"记住的证书 {path} 无法读取（{error}）。请核对节点证书指纹后删除该文件，或用 --reference-key 指定证书。",
            f"The remembered certificate {path} cannot be read ({error}). Compare fingerprints with the node and delete the "
            "file, or name the certificate with --reference-key.",
        ) from error


def _remember(path: Path, signed: Signed, say: Say) -> None:
    fingerprint = signed.certificate.fingerprint
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(signed.certificate.pem())
    except OSError as error:
        say(f"首次见到“{signed.node_name}”的参考包，证书指纹 {fingerprint}；未能记住（{error}）。请与节点公布的指纹核对。",
            f"First pack of '{signed.node_name}', certificate fingerprint {fingerprint}; it could not be remembered "
            f"({error}). Compare it with the one the node shows.")  # fmt: skip
        return
    say(f"首次见到“{signed.node_name}”的参考包，证书指纹 {fingerprint} 已记住（{path}）。请与节点公布的指纹核对。",
        f"First pack of '{signed.node_name}': its certificate, fingerprint {fingerprint}, is remembered ({path}). Compare it "
        "with the one the node shows.")  # fmt: skip
