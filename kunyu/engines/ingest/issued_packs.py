"""Reference packs that go out over HTTP: the one a delivery was checked by, or one made for whoever asks. 参考包下载."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from django.http import FileResponse

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest import access, queries, references
from kunyu.engines.ingest.checks.reference_file import SUFFIX, inspect_pack
from kunyu.engines.ingest.errors import UnknownReport
from kunyu.engines.ingest.receive import quarantine
from kunyu.engines.ingest.storage import content_of, object_store
from kunyu.engines.security.errors import NotAllowed
from kunyu.engines.security.scope import DOWNLOAD, Principal
from kunyu.kernel.private_folder import private_folder

MEDIA_TYPE = "application/vnd.kunyu.reference"


def of_delivery(principal: Principal, delivery_id: int) -> FileResponse:
    """The pack of a delivery's last check.

    Raises
    ------
    UnknownDelivery, SignInNeeded, NotVisible, NotAllowed
        Also where a part of it lies above his rights: a pack is given whole or not at all.
    UnknownReport
        It was not checked yet, or before there were packs.
    """
    found = access.actionable(principal, delivery_id, DOWNLOAD)
    run = queries.last_run(found)
    if run is None or not run.reference_sm3:
        raise UnknownReport(
            f"汇交批次 {delivery_id} 没有参考包。检查完成后才有。",
            f"Delivery {delivery_id} has no reference pack: it was not checked yet.",
        )
    signed = inspect_pack(content_of(run.reference_sm3))
    names = tuple(str(one["name"]) for one in signed.parts)
    standard = load_standard(found.standard_id)
    refused = [one for one in names if not references.may_take(principal, standard, found.division_code, one)]
    if refused:
        listed = "、".join(refused)
        raise NotAllowed(
            f"批次 {delivery_id} 的参考包含您无权下载的资料（{listed}）。可在汇交列表下载只含您有权资料的参考包。",
            f"The reference pack of delivery {delivery_id} holds what you may not download ({', '.join(refused)}). The list of "
            "deliveries offers a pack of what you may.",
            parts=refused,
        )
    issued = references.Issued(Path(), signed.digest, names, references.collections_of(names, standard))
    references.record_issue(principal, f"delivery/{delivery_id}", issued)
    return _file(object_store().open(run.reference_sm3), f"delivery-{delivery_id}")


def made_for(principal: Principal, standard_id: str, division: str, *, with_base: bool) -> FileResponse:
    """A pack made now, of what the caller may download. Errors as `references.issue`."""
    with private_folder(quarantine()) as folder:
        path = folder / f"pack{SUFFIX}"
        references.issue(principal, standard_id, division, path, with_base=with_base)
        opened = path.open("rb")  # stays readable after the folder is gone
    return _file(opened, f"{standard_id}-{division}")


def _file(content: BinaryIO, name: str) -> FileResponse:
    answer = FileResponse(content, as_attachment=True, filename=name + SUFFIX, content_type=MEDIA_TYPE)
    answer["Cache-Control"] = "private, no-store"
    return answer
