"""Is a photo what the device signed? Digest, signature, chain, device. 防篡改核验."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from kunyu.kernel.crypto.certificates import read_certificate
from kunyu.kernel.crypto.errors import MalformedCertificate
from kunyu.kernel.crypto.provider import SignatureForm
from kunyu.kernel.crypto.software import SoftwareProvider
from kunyu.kernel.digests import sm3_hex
from kunyu.kernel.errors import KunyuError
from kunyu.packs.field_evidence.photos.package import EvidencePackage, Photo, try_digest

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"


@dataclass(frozen=True)
class DeviceKey:
    """A registered device: its SM2 public key (65 bytes), and since when it is not to be believed any more."""

    public_key: bytes
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check of one photo: ``pass``, ``fail`` or ``unknown``, measured against a limit in ``unit``."""

    check: str
    outcome: str
    measured: float | int | str | None = None
    limit: float | int | str | None = None
    unit: str = ""
    zh: str = ""
    en: str = ""


@dataclass(frozen=True)
class Anchor:
    """The last photo of a device that was taken in before: the next one must name its digest."""

    sequence: int
    digest: str


@dataclass(frozen=True)
class Trust:
    """What a package is held against.

    ``devices`` is the register (None: there is none, and packages are believed their own certificates, which is said);
    ``anchors`` the last known photo of each device; ``known`` photo ids that stand already, with their digests.
    """

    devices: Mapping[str, DeviceKey] | None = None
    anchors: Mapping[str, Anchor] | None = None
    known: Mapping[str, str] | None = None


@lru_cache(maxsize=1024)
def public_key_of(certificate: str) -> bytes | None:
    """Return the public key of a PEM certificate; None when it is none."""
    try:
        return read_certificate(certificate.encode("utf-8", "replace")).public_key
    except (MalformedCertificate, KunyuError, ValueError):
        return None


def verify_image(photo: Photo, image: bytes | None) -> tuple[Verdict, Verdict]:
    """Return the verdicts on the bytes of the picture, and on the record that describes them."""
    if image is None:
        missing = Verdict(
            "image", FAIL, photo.file[:80], "", "", "照片文件缺失或过大", "the file is missing or too large"
        )
        return missing, Verdict("digest", UNKNOWN, zh="没有照片, 摘要无法核验", en="no picture, so no digest")
    found = sm3_hex(image)
    same = found == photo.image_sm3
    first = Verdict(
        "image", PASS if same else FAIL, found[:16], photo.image_sm3[:16], "",
        "" if same else "照片内容与签名时不同 (SM3 不符)", "" if same else "the picture is not the one that was signed (SM3)",
    )  # fmt: skip
    whole = try_digest(image, photo.metadata)
    if whole and whole == photo.digest:
        return first, Verdict("digest", PASS, whole[:16], photo.digest[:16])
    if not same:
        return first, Verdict(
            "digest", FAIL, whole[:16], photo.digest[:16], "", "摘要不符: 照片被改动", "digest: picture altered"
        )
    return first, Verdict(
        "digest", FAIL, whole[:16], photo.digest[:16], "", "照片未变而摘要不符: 元数据被改动",
        "the picture is whole but the digest differs: the metadata were altered",
    )  # fmt: skip


def verify_signature(
    provider: SoftwareProvider, package: EvidencePackage, photo: Photo, trust: Trust
) -> tuple[Verdict, Verdict]:
    """Return the verdicts on the device and on the signature by its key."""
    registered = (trust.devices or {}).get(photo.device)
    own = public_key_of(package.certificates.get(photo.device, ""))
    device = _device(photo, registered, trust)
    if registered is not None:
        return device, _signature(provider, photo, registered.public_key, "")
    if own is None:
        return device, Verdict(
            "signature",
            FAIL,
            zh="包中没有该设备的证书, 签名无法核验",
            en="the package holds no certificate of the device",
        )
    said = "按包内证书核验" if trust.devices is None else "设备未登记, 按包内证书核验"
    return device, _signature(provider, photo, own, said)


def _device(photo: Photo, registered: DeviceKey | None, trust: Trust) -> Verdict:
    if trust.devices is None:
        return Verdict(
            "device", UNKNOWN, photo.device, zh="没有设备登记表, 未核对", en="no register of devices at hand"
        )
    if registered is None:
        return Verdict("device", FAIL, photo.device, "登记设备", "", "设备未登记", "the device is not registered")
    since = registered.revoked_at
    if since is not None and (photo.taken_at is None or photo.taken_at >= since):
        return Verdict(
            "device",
            FAIL,
            photo.device,
            since.isoformat()[:19],
            "",
            "设备已注销后拍摄",
            "taken after the device was revoked",
        )
    return Verdict("device", PASS, photo.device)


def _signature(provider: SoftwareProvider, photo: Photo, key: bytes, said: str) -> Verdict:
    try:
        signature, message = bytes.fromhex(photo.signature), bytes.fromhex(photo.digest)
    except ValueError:
        signature, message = b"", b""
    right = bool(message) and provider.verify(key, message, signature, form=SignatureForm.RAW)
    en = "by the package's own certificate" if said else ""
    if right:
        return Verdict("signature", PASS, zh=said, en=en)
    return Verdict(
        "signature", FAIL, zh="SM2 签名与设备公钥不符" + (f" ({said})" if said else ""),
        en="the SM2 signature does not fit the device's key" + (f" ({en})" if en else ""),
    )  # fmt: skip


def verify_chains(photos: Sequence[Photo], trust: Trust) -> list[Verdict]:
    """Return one verdict per photo: does each name the digest of the photo its device took before?

    The first photo of a device in a package continues from what was taken in before, where that is known; a gap in the
    numbers is a photo that was left out.
    """
    verdicts = [
        Verdict("chain", UNKNOWN, zh="首张, 之前的照片未知", en="first one; what came before is not known")
    ] * len(photos)
    by_device: dict[str, list[int]] = {}
    for at, photo in enumerate(photos):
        by_device.setdefault(photo.device, []).append(at)
    for device, rows in by_device.items():
        before = (trust.anchors or {}).get(device)
        for at in sorted(rows, key=lambda row: (photos[row].sequence is None, photos[row].sequence or 0, row)):
            verdicts[at] = _link(photos[at], before)
            number = photos[at].sequence
            before = Anchor(-1 if number is None else number, photos[at].digest)
    return verdicts


def _link(photo: Photo, before: Anchor | None) -> Verdict:
    if before is None:
        if photo.sequence == 1 and not photo.previous:
            return Verdict("chain", PASS, 1)
        return Verdict(
            "chain", UNKNOWN, photo.sequence, zh="首张, 之前的照片未知", en="first one; what came before is not known"
        )
    expected = before.sequence + 1
    if photo.previous == before.digest and photo.sequence == expected:
        return Verdict("chain", PASS, photo.sequence, expected)
    if photo.sequence is not None and photo.sequence <= before.sequence and photo.previous != before.digest:
        return Verdict(
            "chain", UNKNOWN, photo.sequence, expected, "", "早于已接收的照片, 未核对", "older than what is known"
        )
    return Verdict(
        "chain", FAIL, photo.sequence, expected, "", f"照片链中断: 序号 {photo.sequence}, 应为 {expected}, 且须指向上一张的摘要",
        f"the chain is broken: number {photo.sequence}, expected {expected} naming the digest before it",
    )  # fmt: skip


def verify_ids(photos: Sequence[Photo], known: Mapping[str, str] | None) -> list[Verdict]:
    """Return one verdict per photo: its id stands once, here and among those taken in before."""
    counts: dict[str, int] = {}
    for photo in photos:
        counts[photo.name] = counts.get(photo.name, 0) + 1
    found = []
    for photo in photos:
        times = counts[photo.name] + (photo.name in (known or {}) and (known or {})[photo.name] != photo.digest)
        unique = times == 1 and bool(photo.name)
        found.append(
            Verdict("id", PASS if unique else FAIL, photo.name, "", "", "" if unique else f"照片编号出现 {times} 次",
                    "" if unique else f"the photo's id occurs {times} times")
        )  # fmt: skip
    return found
