"""The hierarchy of keys: protector → root → domain keys → data keys, each with versions. 密钥分级与轮换.

GM/T 0051 and GB/T 17901 name the levels; the file format is this project's. A rotation adds a version: new data is
encrypted under it, old data stays readable under the old one. Rotating a domain or the root re-wraps the keys below
and touches no data. Every process sees a rotation at its next use, because the file is looked at before each.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from threading import RLock

from kunyu.kernel.crypto import keyring_state as files
from kunyu.kernel.crypto.errors import DecryptionFailed, KeyDestroyed, KeyRingDamaged, UnknownKey, WrongKey
from kunyu.kernel.crypto.keyring_state import DataKey, KeyPurpose, KeyStatus, KeyVersion, RingState
from kunyu.kernel.crypto.provider import CryptoProvider, KeyHandle, KeyKind
from kunyu.kernel.crypto.roots import RootProtector


@dataclass(frozen=True)
class VersionedKey:
    """A data key as its users see it."""

    name: str
    version: int
    purpose: KeyPurpose
    handle: KeyHandle


class KeyRing:
    """An opened key ring. Safe for many threads and processes; use `create` or `open`."""

    def __init__(
        self, provider: CryptoProvider, path: Path, protectors: Sequence[RootProtector], production: bool
    ) -> None:
        self.provider = provider
        self.production = production
        self._path = path
        self._protectors = tuple(protectors)
        self._lock = RLock()
        self._cache: dict[tuple[str, int], KeyHandle] = {}
        self._state: RingState | None = None
        self._root: KeyHandle
        self._mac: KeyHandle
        self._stamp = (0, 0, 0)
        self._closed = False

    @classmethod
    def create(
        cls, provider: CryptoProvider, path: str | PathLike[str], protector: RootProtector, *, production: bool
    ) -> KeyRing:
        """Make a new ring with a random root key; WrongKey when the file exists already."""
        ring = cls(provider, Path(path), (protector,), production)
        with files.exclusive(ring._path):
            if ring._path.exists():
                raise WrongKey(
                    f"密钥环 {ring._path.name} 已存在, 不会覆盖。请打开它或另选文件。",
                    f"The key ring {ring._path.name} exists and is not overwritten. Open it or choose another file.",
                )
            ring._save(ring._new_root(RingState({}, "", ""), protector))
        return ring

    @classmethod
    def open(
        cls, provider: CryptoProvider, path: str | PathLike[str], *protectors: RootProtector, production: bool
    ) -> KeyRing:
        """Open a ring with the first protector that fits.

        Give the present and the coming protector to the processes that run on while `rotate_root` is called.

        Raises
        ------
        DecryptionFailed
            Wrong passphrase or device.
        KeyRingDamaged
            Unreadable, or changed by someone without the root key.
        PlainKeyRefused
            In production: a plain root, or a file others may read.
        """
        ring = cls(provider, Path(path), protectors, production)
        ring._load()
        return ring

    # --- reading ---
    def active(self, name: str) -> VersionedKey:
        """Return the version that encrypts now."""
        with self._lock:
            key = self._data_key(name, self._refreshed())
            return self._opened(name, key, next(v for v in key.versions if v.status is KeyStatus.ACTIVE))

    def version(self, name: str, version: int) -> VersionedKey:
        """Return a version that decrypts; UnknownKey or KeyDestroyed otherwise."""
        with self._lock:
            key = self._data_key(name, self._refreshed())
            for found in key.versions:
                if found.version == version:
                    return self._opened(name, key, found)
        raise UnknownKey(
            f"密钥“{name}”没有第{version}版。请核对数据来源或从备份恢复密钥环。",
            f"Key '{name}' has no version {version}. Check where the data comes from, or restore the ring.",
            name=name,
            version=version,
        )

    def usable_versions(self, name: str) -> tuple[int, ...]:
        """Return the numbers of versions not destroyed, newest first."""
        with self._lock:
            versions = self._data_key(name, self._refreshed()).versions
        return tuple(v.version for v in reversed(versions) if v.status is not KeyStatus.DESTROYED)

    def names(self) -> tuple[str, ...]:
        """Return the names of all data keys, sorted."""
        with self._lock:
            return tuple(sorted(self._refreshed().keys))

    def state(self) -> RingState:
        """Return the ring as its file has it now: names, versions and dates; every key in it is wrapped."""
        with self._lock:
            return self._refreshed()

    # --- changing ---
    def add_domain(self, domain: str) -> None:
        """Add a domain: a group of data keys under one domain key, such as ``personal``."""

        def change(state: RingState) -> RingState:
            if domain in state.domains or "/" in domain or not domain:
                raise WrongKey(
                    f"域名“{domain}”为空、含“/”或已存在。请另取名称。",
                    f"The domain '{domain}' is empty, holds '/' or exists. Choose another name.",
                )
            return state.with_domain(domain, (self._new_domain_version(domain, 1),))

        self._change(change)

    def add_key(self, name: str, purpose: KeyPurpose) -> None:
        """Add a data key named ``domain/name``."""

        def change(state: RingState) -> RingState:
            if name in state.keys or not name.partition("/")[2]:
                raise WrongKey(
                    f"密钥名“{name}”已存在或不是“域/名称”。请另取名称。",
                    f"The key name '{name}' exists or is not 'domain/name'. Choose another name.",
                )
            return state.with_key(name, DataKey(purpose, (self._new_version(state, name, purpose, 1),)))

        self._change(change)

    def rotate_key(self, name: str) -> int:
        """Make a new active version and retire the old one, which still decrypts; return the new number."""

        def change(state: RingState) -> RingState:
            key = self._data_key(name, state)
            number = key.versions[-1].version + 1
            retired = tuple(_retire(v) for v in key.versions)
            return state.with_key(
                name, DataKey(key.purpose, (*retired, self._new_version(state, name, key.purpose, number)))
            )

        return self._change(change).keys[name].versions[-1].version

    def destroy_version(self, name: str, version: int) -> None:
        """Destroy a retired version: what it encrypted cannot be read again. Backups of the ring still hold it."""

        def change(state: RingState) -> RingState:
            key = self._data_key(name, state)
            if not any(v.version == version and v.status is KeyStatus.RETIRED for v in key.versions):
                raise WrongKey(
                    f"只有已停用的版本才能销毁, “{name}”第{version}版不是。请先轮换并重新加密数据。",
                    f"Only a retired version can be destroyed; '{name}' version {version} is not. Rotate the key and "
                    "re-encrypt the data first.",
                    name=name,
                    version=version,
                )
            return state.with_key(name, replace(key, versions=_without(key.versions, version)))

        self._change(change)

    def rotate_domain(self, domain: str) -> int:
        """Make a new domain key, wrap every key of the domain under it, destroy the old one. No data is touched.

        Returns
        -------
        int
            How many versions of data keys were wrapped anew.
        """
        count = 0

        def change(state: RingState) -> RingState:
            nonlocal count
            old = self._domain(domain, state)
            fresh = self._new_domain_version(domain, old[-1].version + 1)
            moved = state.with_domain(domain, (*(_destroyed(v) for v in old), fresh))
            new_key = self._domain_key(moved, domain)
            old_key = self._domain_key(state, domain)
            for name, key in state.keys.items():
                if name.partition("/")[0] == domain:
                    versions = tuple(
                        self._rewrapped(name, key, v, old_key, new_key, fresh.version) for v in key.versions
                    )
                    count += sum(v.status is not KeyStatus.DESTROYED for v in versions)
                    moved = moved.with_key(name, replace(key, versions=versions))
            return moved

        self._change(change)
        return count

    def rotate_root(self, protector: RootProtector) -> None:
        """Make a new root key under a new protector (passphrase, device) and wrap all domain keys under it."""

        def change(state: RingState) -> RingState:
            old_root = self._root
            moved = self._new_root(state, protector)
            for domain, versions in state.domains.items():
                moved = moved.with_domain(domain, tuple(self._under_root(domain, v, old_root) for v in versions))
            return moved

        with self._lock:
            before = self._root, self._mac
            try:
                self._change(change)
            except BaseException:
                self._root, self._mac = before
                raise
            self._protectors = (protector, *self._protectors)

    def close(self) -> None:
        """Zeroise every key this process took from the ring."""
        with self._lock:
            for handle in (*self._cache.values(), self._root, self._mac):
                self.provider.destroy(handle)
            self._cache.clear()
            self._closed = True

    # --- the file ---
    def _change(self, change: Callable[[RingState], RingState]) -> RingState:
        with self._lock, files.exclusive(self._path):
            return self._save(change(self._refreshed()))

    def _save(self, state: RingState) -> RingState:
        unsigned = replace(state, serial=state.serial + 1, mac="")
        signed = replace(unsigned, mac=self.provider.mac(self._mac, unsigned.authenticated_bytes()).hex())
        files.write(self._path, signed)
        return self._adopt(signed, files.stamp(self._path))

    def _refreshed(self) -> RingState:
        if self._closed:
            raise WrongKey("密钥环已关闭。请重新打开。", "The key ring is closed. Open it again.")
        if self._state is None or files.stamp(self._path) != self._stamp:
            return self._load()
        return self._state

    def _load(self) -> RingState:
        # taken before reading: a change in between is then seen at the next look
        stamp = files.stamp(self._path)
        state, known = files.read(self._path, production=self.production), self._state
        # deriving from a passphrase is slow on purpose: only when the root really changed
        if known is not None and (known.root, known.root_key, known.mac_key) == (
            state.root,
            state.root_key,
            state.mac_key,
        ):
            root, mac = self._root, self._mac
        else:
            root, mac = self._opened_root(state)
        expected = self.provider.mac(mac, state.authenticated_bytes()).hex()
        if not hmac.compare_digest(expected, str(state.mac)) or (known is not None and state.serial < known.serial):
            raise KeyRingDamaged(
                f"密钥环 {self._path.name} 的校验不符或序号倒退 (序号{state.serial})。请查审计并从备份恢复。",
                f"The key ring {self._path.name} fails its check, or its serial ({state.serial}) went back. Look into "
                "the audit and restore it from backup.",
                serial=state.serial,
            )
        self._root, self._mac = root, mac
        return self._adopt(state, stamp)

    def _adopt(self, state: RingState, stamp: tuple[int, int, int]) -> RingState:
        self._state, self._stamp = state, stamp
        alive = {
            (n, v.version) for n, k in state.keys.items() for v in k.versions if v.status is not KeyStatus.DESTROYED
        }
        for place in [p for p in self._cache if p not in alive]:
            self.provider.destroy(self._cache.pop(place))
        return state

    # --- root ---
    def _new_root(self, state: RingState, protector: RootProtector) -> RingState:
        provider = self.provider
        description = protector.describe(provider)
        wrapping = protector.open(provider, description, production=self.production)
        root, mac = provider.generate(KeyKind.SM4, "root"), provider.generate(KeyKind.MAC, "ring mac")
        made = replace(
            state,
            root=description,
            root_key=files.encode(provider.wrap(wrapping, root, b"root")),
            mac_key=files.encode(provider.wrap(root, mac, b"ring mac")),
        )
        self._root, self._mac = root, mac
        return made

    def _opened_root(self, state: RingState) -> tuple[KeyHandle, KeyHandle]:
        provider, refusal = self.provider, None
        for protector in self._protectors:
            try:
                wrapping = protector.open(provider, state.root, production=self.production)
                root = provider.unwrap(wrapping, files.decode(state.root_key), KeyKind.SM4, b"root", "root")
                mac = provider.unwrap(root, files.decode(state.mac_key), KeyKind.MAC, b"ring mac", "ring mac")
            except DecryptionFailed as error:
                refusal = error
            else:
                return root, mac
        raise DecryptionFailed(
            f"密钥环 {self._path.name} 无法打开: 口令或设备不符, 或文件被改动。请核对。",
            f"The key ring {self._path.name} does not open: another passphrase or device, or a changed file. Check both.",
        ) from refusal

    # --- domains and versions ---
    def _new_domain_version(self, domain: str, number: int) -> KeyVersion:
        handle = self.provider.generate(KeyKind.SM4, f"domain {domain}")
        blob = self.provider.wrap(self._root, handle, _place("domain", domain, "", number))
        return KeyVersion(number, KeyStatus.ACTIVE, _now(), files.encode(blob))

    def _new_version(self, state: RingState, name: str, purpose: KeyPurpose, number: int) -> KeyVersion:
        domain = name.partition("/")[0]
        wrapping = self._domain_key(state, domain)
        handle = self.provider.generate(purpose.kind, name)
        blob = self.provider.wrap(wrapping, handle, _place("key", name, purpose.value, number))
        return KeyVersion(number, KeyStatus.ACTIVE, _now(), files.encode(blob), state.domains[domain][-1].version)

    def _domain_key(self, state: RingState, domain: str) -> KeyHandle:
        last = self._domain(domain, state)[-1]
        place = _place("domain", domain, "", last.version)
        return self.provider.unwrap(self._root, files.decode(last.wrapped), KeyKind.SM4, place, f"domain {domain}")

    def _under_root(self, domain: str, version: KeyVersion, old_root: KeyHandle) -> KeyVersion:
        if version.status is KeyStatus.DESTROYED:
            return version
        place = _place("domain", domain, "", version.version)
        handle = self.provider.unwrap(old_root, files.decode(version.wrapped), KeyKind.SM4, place)
        return replace(version, wrapped=files.encode(self.provider.wrap(self._root, handle, place)))

    def _rewrapped(
        self, name: str, key: DataKey, version: KeyVersion, old: KeyHandle, new: KeyHandle, domain_version: int
    ) -> KeyVersion:
        if version.status is KeyStatus.DESTROYED:
            return version
        place = _place("key", name, key.purpose.value, version.version)
        handle = self.provider.unwrap(old, files.decode(version.wrapped), key.purpose.kind, place)
        blob = self.provider.wrap(new, handle, place)
        return replace(version, wrapped=files.encode(blob), domain_version=domain_version)

    def _opened(self, name: str, key: DataKey, version: KeyVersion) -> VersionedKey:
        if version.status is KeyStatus.DESTROYED:
            raise KeyDestroyed(
                f"密钥“{name}”第{version.version}版已销毁, 其加密的数据不可恢复。",
                f"Key '{name}' version {version.version} was destroyed; what it encrypted is gone.",
                name=name,
                version=version.version,
            )
        handle = self._cache.get((name, version.version))
        if handle is None:
            wrapping = self._domain_key(self._refreshed(), name.partition("/")[0])
            place = _place("key", name, key.purpose.value, version.version)
            blob = files.decode(version.wrapped)
            handle = self.provider.unwrap(wrapping, blob, key.purpose.kind, place, f"{name} v{version.version}")
            self._cache[name, version.version] = handle
        return VersionedKey(name, version.version, key.purpose, handle)

    def _data_key(self, name: str, state: RingState) -> DataKey:
        try:
            return state.keys[name]
        except KeyError:
            raise UnknownKey(
                f"密钥环没有密钥“{name}”。请先添加。", f"The key ring has no key '{name}'. Add it first.", name=name
            ) from None

    def _domain(self, domain: str, state: RingState) -> tuple[KeyVersion, ...]:
        try:
            return state.domains[domain]
        except KeyError:
            raise UnknownKey(
                f"密钥环没有域“{domain}”。请先添加。",
                f"The key ring has no domain '{domain}'. Add it first.",
                name=domain,
            ) from None


def _place(level: str, name: str, purpose: str, version: int) -> bytes:
    """What a wrapped key is bound to, so that blobs cannot change places inside the file."""
    return "\x00".join((level, name, purpose, str(version))).encode("utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _retire(version: KeyVersion) -> KeyVersion:
    return replace(version, status=KeyStatus.RETIRED) if version.status is KeyStatus.ACTIVE else version


def _destroyed(version: KeyVersion) -> KeyVersion:
    return replace(version, status=KeyStatus.DESTROYED, wrapped="")


def _without(versions: tuple[KeyVersion, ...], number: int) -> tuple[KeyVersion, ...]:
    return tuple(_destroyed(v) if v.version == number else v for v in versions)
