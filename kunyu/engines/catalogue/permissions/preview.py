"""What a grant would do, before it is made: how many people, how many datasets, by name."""

from __future__ import annotations

from dataclasses import dataclass

from kunyu.engines.catalogue.models import Dataset
from kunyu.engines.pages.words import Pair
from kunyu.engines.security import grant_services, label_registry, labels, rights_words, zones
from kunyu.engines.security.data_names import names_of
from kunyu.engines.security.grant_services import Wanted
from kunyu.engines.security.models import User

NAMED = 20


@dataclass(frozen=True)
class Preview:
    """``people`` and ``datasets`` name the first of all; ``above`` counts datasets that stay hidden (label, zone)."""

    people_count: int
    people: tuple[User, ...]
    uncleared: int
    datasets_count: int
    datasets: tuple[tuple[str, Pair], ...]
    above: int
    actions: Pair
    data: Pair
    where: Pair
    ceiling: Pair
    masks: Pair
    until: Pair
    recipient: Pair


def of(wanted: Wanted) -> Preview:
    """Count and name whom and what ``wanted`` reaches today."""
    people = grant_services.recipients(wanted)
    reached, above = _datasets(wanted)
    needed = max(0, wanted.ceiling.secrecy - labels.SENSITIVE)
    where = rights_words.division_names([wanted.division])[wanted.division]
    if wanted.within_post:
        where = (f"{where[0]}以内、岗位所在的区划", f"the division of each post, within {where[1]}")
    return Preview(
        people.count(), tuple(people.order_by("name_zh", "username")[:NAMED]),
        people.filter(clearance__lt=needed).count() if needed else 0, len(reached), tuple(reached[:NAMED]), above,
        rights_words.actions_words(wanted.actions), names_of([wanted.branch])[wanted.branch], where,
        rights_words.ceiling_words(wanted.ceiling), rights_words.reveals_words(wanted.reveals),
        rights_words.until_words(wanted.expires_at), _recipient(wanted),
    )  # fmt: skip


def _recipient(wanted: Wanted) -> Pair:
    if wanted.user is not None:
        return f"{wanted.user.name_zh}（{wanted.user.username}）", f"{wanted.user.name_zh} ({wanted.user.username})"
    assert wanted.role is not None
    return f"角色“{wanted.role.name_zh}”", f"role {wanted.role.name_en or wanted.role.name_zh}"


def _datasets(wanted: Wanted) -> tuple[list[tuple[str, Pair]], int]:
    """Datasets under the branch within the ceiling and the zone, and how many are above."""
    allowed = labels.under(wanted.ceiling) & zones.current_zone().labels
    rows = Dataset.objects.filter(code__startswith=wanted.branch.partition(".")[0]).order_by("position", "code")
    reached, above = [], 0
    for code, zh, en in rows.values_list("code", "name_zh", "name_en"):
        if labels.holds(allowed, label_registry.label_of(code)):
            reached.append((code, (zh, en or zh)))
        else:
            above += 1
    return reached, above
