"""The object store in a bucket that speaks S3, through ``obstore`` (extra ``s3``).

An S3 put appears whole or not at all, so no temporary names are needed. Objects read by path are copied once into a
private cache folder that lives as long as the store object.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store as Bucket

from kunyu.kernel.digests import Sm3, is_sm3, sm3_file, sm3_hex
from kunyu.kernel.objects import (
    FolderStore,
    ObjectMissing,
    ObjectRef,
    missing_object,
    require_digest,
    store_unavailable,
    unreadable_source,
)

_RETRY = {"max_retries": 3}


class _ReadableObject(io.RawIOBase):
    """What obstore reads, as Python's own kind of file: zipfile and GDAL ask for one."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = memoryview(self._reader.read(len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())


class S3Store:
    """Objects as ``<prefix>/ab/cd/abcd…`` in one bucket.

    Parameters
    ----------
    bucket, prefix : str
    endpoint : str, optional
        Address of the service; ``http://`` is allowed only when written so. Default: the cloud's own.
    region : str, optional
    """

    def __init__(self, bucket: str, prefix: str = "", endpoint: str | None = None, region: str | None = None) -> None:
        self._prefix = prefix + "/" if prefix else ""
        self._address = f"s3://{bucket}/{prefix}"
        self._bucket = Bucket(
            bucket,
            endpoint=endpoint,
            region=region or "us-east-1",
            client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
            retry_config=_RETRY,  # type: ignore[arg-type]  # a partial mapping is accepted
        )
        self._folder = tempfile.TemporaryDirectory(prefix="kunyu-objects-")
        self._cache = FolderStore(Path(self._folder.name))

    def put_file(self, path: Path | str) -> ObjectRef:
        """Store a file's content; what the bucket already has is not sent again."""
        try:
            reference = ObjectRef(sm3_file(path), Path(path).stat().st_size)
        except OSError as error:
            raise unreadable_source(path, error) from error
        if not self.exists(reference.sm3):
            self._create(reference.sm3, Path(path))
        return reference

    def put_bytes(self, data: bytes) -> ObjectRef:
        """Store bytes."""
        reference = ObjectRef(sm3_hex(data), len(data))
        if not self.exists(reference.sm3):
            self._create(reference.sm3, data)
        return reference

    def open(self, sm3: str) -> BinaryIO:
        """Return the object as a readable binary file, fetched in pieces as it is read."""
        with self._reported(sm3):
            reader = obstore.open_reader(self._bucket, self._key(sm3))
        return cast(BinaryIO, io.BufferedReader(_ReadableObject(reader), buffer_size=1 << 20))

    def path(self, sm3: str) -> Path:
        """Return a private copy of the object."""
        if not self._cache.exists(sm3):
            self._fetch(sm3)
        return self._cache.path(sm3)

    def exists(self, sm3: str) -> bool:
        """Tell whether the object is there."""
        key = self._key(sm3)
        try:
            obstore.head(self._bucket, key)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise store_unavailable(self._address, error) from error
        return True

    def verify(self, sm3: str) -> bool:
        """Read the whole object and tell whether it still has its digest."""
        digest = Sm3()
        with self._reported(sm3):
            for piece in obstore.get(self._bucket, self._key(sm3)).stream():
                digest.update(memoryview(piece))
        return digest.hexdigest() == sm3

    def put_written(self, write: Callable[[BinaryIO], str]) -> str:
        """Store what ``write`` writes under the name it answers with, in place of what is there."""
        with tempfile.NamedTemporaryFile(dir=self._folder.name) as draft:
            sm3 = write(cast(BinaryIO, draft))
            draft.flush()
            with self._reported(sm3):
                obstore.put(self._bucket, self._key(sm3), Path(draft.name))
        return sm3

    def remove(self, sm3: str) -> None:
        """Remove the object if it is there, and the private copy of it."""
        with suppress(ObjectMissing), self._reported(sm3):
            obstore.delete(self._bucket, self._key(sm3))
        self._cache.remove(sm3)

    def names(self) -> Iterator[str]:
        """Yield the digests of all objects, in order."""
        with self._reported(""):
            for page in obstore.list(self._bucket, prefix=self._prefix or None):
                for found in page:
                    name = str(found["path"]).rpartition("/")[2]
                    if is_sm3(name):
                        yield name

    def _create(self, sm3: str, content: Path | bytes) -> None:
        # never over what is there: somebody may just have put the encrypted form
        with self._reported(sm3), suppress(AlreadyExistsError):
            obstore.put(self._bucket, self._key(sm3), content, mode="create", use_multipart=False)

    def _fetch(self, sm3: str) -> None:
        with self._reported(sm3), tempfile.NamedTemporaryFile(dir=self._folder.name) as copy:
            for piece in obstore.get(self._bucket, self._key(sm3)).stream():
                copy.write(memoryview(piece))
            copy.flush()
            fetched = self._cache.put_file(copy.name)
        if fetched.sm3 != sm3:
            damaged = OSError(f"object {sm3} has the digest {fetched.sm3}")
            raise store_unavailable(self._address, damaged) from damaged

    def _key(self, sm3: str) -> str:
        require_digest(sm3)
        return f"{self._prefix}{sm3[:2]}/{sm3[2:4]}/{sm3}"

    @contextmanager
    def _reported(self, sm3: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:  # obstore's NotFoundError is one
            raise missing_object(sm3) from error
        except (BaseError, OSError) as error:
            raise store_unavailable(self._address, error) from error
