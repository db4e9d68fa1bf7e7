"""Files that come through the browser or the API: laid down, received, queued."""

from __future__ import annotations

import datetime
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from kunyu.engines.catalogue.services import dataset_for_delivery
from kunyu.engines.catalogue.standards import BUILT_IN
from kunyu.engines.ingest import access
from kunyu.engines.ingest.errors import TooLarge, UnknownTarget
from kunyu.engines.ingest.receive import Received, Request, quarantine, receive
from kunyu.engines.ingest.settings import ingest_settings
from kunyu.engines.ingest.tasks import process_delivery
from kunyu.engines.security.scope import EDIT, Principal
from kunyu.kernel.private_folder import private_folder


def shipped_mappings() -> dict[str, Path]:
    """Mapping files that ship beside the standards they fill, by name."""
    return {path.stem: path for path in sorted(BUILT_IN.glob("*/mappings/*.toml"))}


def mapping_path(name: str) -> Path:
    """The shipped mapping of that name.

    Raises
    ------
    UnknownTarget
        None ships under that name. Names come from outside, so only listed ones are looked up.
    """
    known = shipped_mappings()
    if name not in known:
        raise UnknownTarget(
            f"没有映射 {name}；可用：{'、'.join(known) or '无'}。",
            f"There is no mapping {name}; there are {', '.join(known) or 'none'}.",
        )
    return known[name]


def hand_in(
    principal: Principal,
    file: UploadedFile,
    *,
    division: str,
    standard_id: str = "",
    dataset_code: str = "",
    mapping_name: str = "",
    valid_from: datetime.date | None = None,
) -> Received:
    """Receive an uploaded file for a principal who may deliver, and queue its processing."""
    standard = dataset_for_delivery(dataset_code)[1].standard_id if dataset_code else standard_id
    access.require(principal, EDIT, standard, dataset_code, division)
    limit = ingest_settings().max_file_bytes
    if (file.size or 0) > limit:
        raise TooLarge(
            f"{file.name} 有 {file.size} 字节，本节点上限 {limit} 字节。",
            f"{file.name} has {file.size} bytes; limit {limit}.",
        )
    request = Request(
        file_name=Path((file.name or "delivery").replace("\\", "/")).name,
        division=division,
        standard_id=standard_id,
        dataset_code=dataset_code,
        valid_from=valid_from,
        mapping=mapping_path(mapping_name) if mapping_name else None,
    )
    with private_folder(quarantine()) as folder:
        path = folder / request.file_name
        with path.open("wb") as out:
            for piece in file.chunks(1 << 20):
                out.write(piece)
        received = receive(path, request, principal)
    if not received.existing:
        with transaction.atomic():
            process_delivery.defer(delivery_id=received.delivery.pk)
    return received
