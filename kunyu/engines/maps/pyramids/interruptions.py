"""Builds that came to no end are counted, and a county whose builds never do is given up. 中断与放弃.

A record that says "building" while nobody holds the county's lock is a build whose process was killed, or that ended with
an error. After ``KUNYU_JOB_ATTEMPTS`` of them for one version the sweep queues no more, so that a county too large for
the memory of the machine does not kill the worker for ever: tiles go on being drawn live, and people are told. A new
version, or a build by hand that comes to its end, starts the count over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Max

from kunyu.engines.catalogue.models import DatasetVersion
from kunyu.engines.maps.models import Pyramid
from kunyu.engines.maps.pyramids.state import EDITION
from kunyu.engines.security import duties
from kunyu.engines.security.scope import Principal
from kunyu.engines.worklist.incidents import Alarm, raise_incident
from kunyu.engines.worklist.models import Incident
from kunyu.engines.worklist.settings import worklist_settings

BUILDING, INTERRUPTED = Pyramid.Status.BUILDING, Pyramid.Status.INTERRUPTED


@dataclass(frozen=True, order=True)
class GivenUp:
    """A county of a layer for whose newest ``version`` no build is begun by itself any more."""

    collection: str
    county: str
    version: int
    interruptions: int
    name_zh: str
    name_en: str

    @property
    def zh(self) -> str:
        """What happened and what to do."""
        return (
            f"图层“{self.name_zh}”（{self.collection}）在 {self.county} 的瓦片金字塔（版本 {self.version}）生成中断 "
            f"{self.interruptions} 次"
            "（处理进程被终止，多因内存不足；或出错），不再自动重试；瓦片照常实时绘制，小比例尺较慢。"
            f"请查看节点日志 worker.log，在内存充足时执行 {self.remedy}；发布新版本后会自动重新生成。"
        )

    @property
    def en(self) -> str:
        """The same in English."""
        return (
            f"Building the tile pyramid of {self.name_en or self.name_zh} ({self.collection}) in {self.county} (version "
            f"{self.version}) was interrupted {self.interruptions} times (its process was killed, mostly for want of memory, or failed) and is not tried again "
            "by itself; tiles go on being drawn live, small scales slower. Read worker.log and run "
            f"{self.remedy} when there is memory; a new version is built by itself again."
        )

    @property
    def remedy(self) -> str:
        """The command that builds it by hand."""
        return f"kunyu pyramids rebuild --collection {self.collection} --county {self.county}"


def count_dead(layer: int, county: str, version: int) -> int:
    """How many builds of a version were interrupted; for whoever holds the county's lock, since then all others are dead.

    Those of other versions and editions count no more.
    """
    here = Pyramid.objects.filter(layer_id=layer, county=county)
    here.filter(status=BUILDING).update(status=INTERRUPTED)
    broken = here.filter(status=INTERRUPTED)
    broken.exclude(version_id=version, edition=EDITION).delete()
    return broken.count()


def is_spent(interruptions: int) -> bool:
    """Were there as many interruptions as the settings allow?"""
    return interruptions >= worklist_settings().job_attempts_max


def given_up(due: Iterable[tuple[str, str]]) -> list[GivenUp]:
    """Those of the collections and counties that are ``due`` for which nothing is queued any more."""
    wanted = set(due)
    counted = (
        Pyramid.objects.filter(status=INTERRUPTED, edition=EDITION)
        .values_list("layer__collection", "county", "version_id", "layer__name_zh", "layer__name_en")
        .annotate(times=Count("pk"))
        .order_by("layer__collection", "county", "version_id")
    )
    return [
        GivenUp(collection, county, version, times, name_zh, name_en)
        for collection, county, version, name_zh, name_en, times in counted
        if is_spent(times) and (collection, county) in wanted and version == _newest_version(collection, county)
    ]


def _newest_version(collection: str, county: str) -> int | None:
    published = DatasetVersion.objects.filter(
        layer__collection=collection, county=county, status=DatasetVersion.Status.PUBLISHED
    )
    newest: int | None = published.aggregate(newest=Max("pk"))["newest"]
    return newest


def tell(found: Iterable[GivenUp]) -> None:
    """One incident for the system administrators of the county, told once per version; closing it does not bring it back."""
    for one in found:
        raise_incident(
            Alarm(
                key=f"pyramid-given-up:{one.collection}:{one.county}", level=Incident.Level.BLUE,
                title_zh=f"图层“{one.name_zh}”在 {one.county} 的瓦片金字塔中断 {one.interruptions} 次，不再自动重试：请执行 {one.remedy}",
                title_en=f"The tile pyramid of {one.name_en or one.name_zh} in {one.county} was interrupted {one.interruptions} "
                f"times and is not tried again by itself: run {one.remedy}",
                source="maps.pyramids", division=one.county,
                duty=duties.SYSTEM, occurrence=f"{one.version}:{EDITION}",
            ),
            Principal("maps", origin="worker"),
        )  # fmt: skip
