"""Open the object store at an address: a folder, or a bucket that speaks S3 (extra ``s3``). 对象存储."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

from kunyu.kernel.errors import UsageError
from kunyu.kernel.objects import FolderStore, ObjectMissing, ObjectRef, ObjectStore, StoreFull, StoreUnavailable

__all__ = ["FolderStore", "ObjectMissing", "ObjectRef", "ObjectStore", "StoreFull", "StoreUnavailable", "open_store"]


def open_store(place: str | Path) -> ObjectStore:
    """Return the store at ``place``.

    Parameters
    ----------
    place : str or Path
        A folder, made when absent; or ``s3://bucket/prefix?endpoint=https://…&region=…`` (needs the extra ``s3``;
        credentials come from the environment, ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``).

    Raises
    ------
    UsageError
        For any other address.
    """
    text = str(place)
    if text.startswith("s3://"):
        return _open_s3(text)
    if "://" in text:
        raise UsageError(
            f"不支持的对象存储地址 {text}。请给文件夹路径或 s3://桶/前缀。",
            f"Unknown kind of object store: {text}. Give a folder or s3://bucket/prefix.",
            place=text,
        )
    return FolderStore(Path(place))


def _open_s3(address: str) -> ObjectStore:
    try:
        from kunyu.kernel.objectstore_s3 import S3Store
    except ModuleNotFoundError as error:
        raise UsageError(
            "S3对象存储需要附加组件: pip install 'kunyu[s3]'。",
            "An S3 object store needs an extra: pip install 'kunyu[s3]'.",
        ) from error
    parts = urlsplit(address)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    strange = sorted(set(options) - {"endpoint", "region"})
    if strange or not parts.netloc:
        raise UsageError(
            f"S3地址有误: {address}。应为 s3://桶/前缀?endpoint=…&region=…。",
            f"Wrong S3 address: {address}. Expected s3://bucket/prefix?endpoint=…&region=….",
            place=address,
        )
    store = S3Store(parts.netloc, parts.path.strip("/"), options.get("endpoint"), options.get("region"))
    return cast(ObjectStore, store)
