"""Which label a dataset should probably bear, and why: shown beside the form, never applied by themselves. 标记建议.

Each rule is a named function over :class:`Facts`; where a rule's source was not read in the original it says so
(``verified`` False), as most of GB/T 43697-2024 and 自然资发〔2024〕57号 here (domain facts: security §5). R-360.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db.models import Q, Sum

from kunyu.engines.catalogue import level_labels
from kunyu.engines.catalogue.models import Dataset, DatasetVersion, Layer
from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.pages.words import Pair
from kunyu.engines.reference.models import DivisionLevel
from kunyu.engines.reference.queries import valid_at
from kunyu.engines.security import label_registry, labels, rights_words
from kunyu.engines.security.labels import Label

MANY_PERSONS = 1_000_000
PROVINCES_OF_THE_NATION = 31  # without Hong Kong, Macao and Taiwan, where these data are not delivered


@dataclass(frozen=True)
class Facts:
    """What the rules look at. ``provinces`` are those whose every county has published data."""

    dataset: Dataset
    layer_codes: frozenset[str]
    personal: tuple[str, ...]
    records: int
    counties: int
    provinces: tuple[str, ...]
    label: Label


@dataclass(frozen=True)
class Suggestion:
    """One rule's advice: the label joined with the one that stands, the reason, the source."""

    rule: str
    label: Label
    reason: Pair
    source: str
    verified: bool = False


Rule = Callable[[Facts], Suggestion | None]


def catalogue_names_a_level(facts: Facts) -> Suggestion | None:
    """LS-01: the catalogue's own text."""
    found = level_labels.proposal_of(facts.dataset)
    text = facts.dataset.classification or facts.dataset.level
    return Suggestion(
        "LS-01", found.label, (f"目录写明：{text}", f"The catalogue says: {text}"), "数据目录", facts.dataset.verified
    )


def personal_fields_are_sensitive(facts: Facts) -> Suggestion | None:
    """LS-02: a layer with names, document numbers, telephones or addresses of persons."""
    if not facts.personal:
        return None
    zh, en = rights_words.joined(rights_words.MASKED[kind] for kind in facts.personal)
    return _at_least(facts, "LS-02", Label(labels.SENSITIVE, labels.GENERAL, labels.CONDITIONAL),
                     (f"含个人信息字段：{zh}", f"It holds personal data: {en}"),
                     "《个人信息保护法》；GB/T 35273-2020")  # fmt: skip


def a_million_persons_are_important(facts: Facts) -> Suggestion | None:
    """LS-03: 1,000,000 records of persons and more."""
    if not facts.personal or facts.records < MANY_PERSONS:
        return None
    return _at_least(facts, "LS-03", Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL),
                     (f"含个人信息的记录 {facts.records:,} 条，达到 {MANY_PERSONS:,} 条",
                      f"{facts.records:,} records with personal data; the limit is {MANY_PERSONS:,}"),
                     "GB/T 43697-2024")  # fmt: skip


def parcels_of_a_whole_province_are_important(facts: Facts) -> Suggestion | None:
    """LS-04: DLTB of every county of a province."""
    if "DLTB" not in facts.layer_codes or not facts.provinces:
        return None
    zh, en = _named(facts.provinces)
    return _at_least(facts, "LS-04", Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL),
                     (f"全省（{zh}）图斑级地类图斑", f"Land parcels of a whole province ({en})"),
                     "自然资发〔2024〕57号；GB/T 43697-2024")  # fmt: skip


def farmland_of_the_nation_is_important(facts: Facts) -> Suggestion | None:
    """LS-05: permanent basic farmland geometry of every province."""
    is_farmland = any(code.startswith("YJJBNT") for code in facts.layer_codes)
    if not is_farmland or len(facts.provinces) < PROVINCES_OF_THE_NATION:
        return None
    return _at_least(facts, "LS-05", Label(labels.SENSITIVE, labels.IMPORTANT, labels.NOT_SHARED),
                     ("全国永久基本农田图形", "Permanent basic farmland of the whole nation"), "自然资发〔2024〕57号")  # fmt: skip


def reserves_are_important(facts: Facts) -> Suggestion | None:
    """LS-06: mineral reserves (10601)."""
    if not facts.dataset.code.startswith("10601"):
        return None
    return _at_least(facts, "LS-06", Label(labels.SENSITIVE, labels.IMPORTANT, labels.CONDITIONAL),
                     ("矿产资源储量；战略性矿种可能涉密，由定密程序确定",
                      "Mineral reserves; strategic minerals may be secret, decided by the procedure of 定密"),
                     "自然资发〔2024〕57号")  # fmt: skip


def aggregates_go_one_step_higher(facts: Facts) -> Suggestion | None:
    """LS-07: sensitive data of a whole province or the nation: one grade higher (aggregation).

    The step is on the axis 一般·重要·核心; becoming a state secret is never a program's advice.
    """
    if facts.label.secrecy != labels.SENSITIVE or not facts.provinces or facts.label.grading >= labels.CORE:
        return None
    zh, en = _named(facts.provinces)
    higher = replace(facts.label, grading=facts.label.grading + 1)
    return Suggestion(
        "LS-07", higher,
        (f"敏感数据覆盖全省（{zh}），汇聚后宜提高一级",
         f"Sensitive data of a whole province ({en}): one step higher when aggregated"),
        "GB/T 43697-2024",
    )  # fmt: skip


def _named(provinces: tuple[str, ...]) -> Pair:
    """The first few provinces by name."""
    known = rights_words.division_names(provinces[:5])
    return rights_words.joined(known[code] for code in provinces[:5])


RULES: tuple[Rule, ...] = (
    catalogue_names_a_level, personal_fields_are_sensitive, a_million_persons_are_important,
    parcels_of_a_whole_province_are_important, farmland_of_the_nation_is_important, reserves_are_important,
    aggregates_go_one_step_higher,
)  # fmt: skip


def _at_least(facts: Facts, rule: str, least: Label, reason: Pair, source: str) -> Suggestion | None:
    """Nothing to say where the label that stands is as strict already."""
    if facts.label.dominates(least):
        return None
    return Suggestion(rule, facts.label.join(least), reason, source)


def of(dataset: Dataset) -> list[Suggestion]:
    """What the rules advise for a dataset as it is published now."""
    facts = facts_of(dataset)
    return [found for rule in RULES if (found := rule(facts)) is not None]


def facts_of(dataset: Dataset) -> Facts:
    """Read what the rules look at: layers, personal fields, records and counties published."""
    layers = list(Layer.objects.filter(dataset=dataset))
    kinds: dict[str, None] = {}
    for layer in layers:
        model = load_standard(layer.standard_id).layers.get(layer.code)
        kinds |= {field.personal: None for field in (model.fields if model else ()) if field.personal}
    published = DatasetVersion.objects.filter(layer__dataset=dataset, status=DatasetVersion.Status.PUBLISHED)
    newest = published.order_by("layer", "county", "-valid_from", "-number").distinct("layer", "county").values("pk")
    records = DatasetVersion.objects.filter(pk__in=newest).aggregate(all=Sum("record_count"))["all"] or 0
    counties = set(published.values_list("county", flat=True))
    codes = {layer.code for layer in layers} | set(dataset.layer_names.replace("/", " ").split())
    return Facts(
        dataset, frozenset(codes), tuple(kinds), int(records), len(counties), _whole_provinces(counties),
        label_registry.label_of(dataset.code),
    )  # fmt: skip


def _whole_provinces(counties: set[str]) -> tuple[str, ...]:
    """Provinces every county of which is in the set."""
    wanted = {county[:2] for county in counties}
    if not wanted:
        return ()
    starts = Q()
    for province in wanted:
        starts |= Q(code__startswith=province)
    every: dict[str, set[str]] = {}
    for code in valid_at().filter(starts, level=DivisionLevel.COUNTY).values_list("code", flat=True):
        every.setdefault(code[:2], set()).add(code)
    return tuple(sorted(one for one, codes in every.items() if codes <= counties))
