"""Network zones: what a node may hold at all, whoever asks. 网络分区 (domain facts: security §1, catalogue §3)."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from kunyu.engines.security import labels
from kunyu.engines.security.errors import NotInThisZone, UnknownZone
from kunyu.engines.security.labels import Label


@dataclass(frozen=True)
class Zone:
    """A network zone and the strictest label that may be stored, shown or exported in it."""

    code: str
    name_zh: str
    name_en: str
    ceiling: Label

    @property
    def labels(self) -> int:
        """The labels this zone may hold, as a mask."""
        return labels.under(self.ceiling)

    def holds(self, label: Label) -> bool:
        return self.ceiling.dominates(label)


# The seed puts 敏感 data on the business network and state secrets on the classified intranet only; 内部 data may stand
# on the internet behind a sign-in; a public cloud holds public data only. Core data on outside networks is
# nowhere allowed. The ceilings of grading are design, not law.
ZONES = {
    zone.code: zone
    for zone in (
        Zone("secret", "涉密内网", "classified intranet",
             Label(labels.CONFIDENTIAL, labels.CORE, labels.NOT_SHARED)),
        Zone("business", "业务网", "business network", Label(labels.SENSITIVE, labels.CORE, labels.NOT_SHARED)),
        Zone("internet", "互联网（政务外网）", "internet (e-government extranet)",
             Label(labels.INTERNAL, labels.GENERAL, labels.NOT_SHARED)),
        Zone("emergency", "应急通信网", "emergency network",
             Label(labels.INTERNAL, labels.GENERAL, labels.NOT_SHARED)),
        Zone("public_cloud", "公有云", "public cloud",
             Label(labels.PUBLIC, labels.GENERAL, labels.UNCONDITIONAL)),
    )
}  # fmt: skip


def current_zone() -> Zone:
    """The zone of this node (setting ``KUNYU_ZONE``).

    Raises
    ------
    UnknownZone
        The setting names no zone.
    """
    zone = ZONES.get(settings.KUNYU_ZONE)
    if zone is None:
        raise UnknownZone(
            f"KUNYU_ZONE={settings.KUNYU_ZONE!r} 不是网络分区；可用：{'、'.join(ZONES)}。",
            f"KUNYU_ZONE={settings.KUNYU_ZONE!r} is no zone; use one of {', '.join(ZONES)}.",
        )
    return zone


def require_admitted(label: Label, what_zh: str, what_en: str) -> None:
    """Refuse to store or export in this zone what does not belong there.

    Raises
    ------
    NotInThisZone
    """
    zone = current_zone()
    if not zone.holds(label):
        raise NotInThisZone(
            f"{what_zh}标记为“{label.name_zh}”，本节点在{zone.name_zh}，最高只能存放“{zone.ceiling.name_zh}”；"
            "请在相应网络的节点上办理。",
            f"{what_en} is labelled “{label.name_en}”; this node stands in the {zone.name_en}, which holds at most "
            f"“{zone.ceiling.name_en}”. Use a node of the zone it belongs to.",
            label=label.code,
            zone=zone.code,
        )


def record_zone() -> None:
    """Tell the database this node's zone, for row security; a changed zone is a change of labels.

    Called by ``up``: the zone is a setting of the node, and PostgreSQL does not read settings.

    Raises
    ------
    UnknownZone
        The setting names no zone.
    """
    zone = current_zone()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO security_nodestate AS now (id, rights_epoch, labels_epoch, zone, zone_labels) "
            "VALUES (1, 1, 1, %(zone)s, %(labels)s) ON CONFLICT (id) DO UPDATE SET zone = %(zone)s, "
            "zone_labels = %(labels)s, "
            "labels_epoch = greatest(now.labels_epoch + 1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint) "
            "WHERE (now.zone, now.zone_labels) IS DISTINCT FROM (%(zone)s, %(labels)s)",
            {"zone": zone.code, "labels": zone.labels},
        )
