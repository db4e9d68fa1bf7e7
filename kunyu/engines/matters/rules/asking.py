"""What the rules of a check are asked about, gathered once, kept whole, and read back for a replay. 核验输入."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import shapely
from django.db import connection

from kunyu.engines.matters.definitions.editions import definition_of
from kunyu.engines.matters.definitions.matter import MaterialKind
from kunyu.engines.matters.models import Application, Case, Material, MatterEdition
from kunyu.engines.matters.rules import earlier
from kunyu.engines.matters.rules.answers import Ask, Overlap
from kunyu.engines.matters.rules.looking import square_metres
from kunyu.engines.reference.errors import UnknownDivision
from kunyu.engines.reference.queries import division
from kunyu.kernel.digests import canonical_json, sm3_hex
from kunyu.kernel.geodesy import area_of_lonlat

SCHEMA = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AskedMatter:
    """A matter whose rules run: its code, the digest of its edition, the ids of its rules, its list of materials.

    ``titles``: of the fields of its form, Chinese and English.
    """

    code: str
    edition: str
    rules: tuple[str, ...]
    kinds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    titles: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """Everything a check asks beside the map. ``earlier_fault`` says why earlier approvals could not be looked for.

    ``form`` is as it was filled in; ``days`` names its answers that are dates.
    """

    matters: tuple[AskedMatter, ...]
    division: str
    form: Mapping[str, Any]
    plot: shapely.Geometry | None
    area_m2: Decimal | None
    project_code: str
    applicant: Mapping[str, Any]
    materials: Mapping[str, Mapping[str, Any]]
    earlier: tuple[Mapping[str, Any], ...] = field(default=())
    earlier_fault: str = ""
    days: tuple[str, ...] = ()
    project_name: str = ""
    division_name: str = ""

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of all rules of all matters, sorted, each once."""
        return tuple(sorted({one for matter in self.matters for one in matter.rules}))

    @property
    def matter_code(self) -> str:
        """As a check names it: the codes, or a star where they are too many for the column."""
        codes = "+".join(one.code for one in self.matters)
        return codes if len(codes) <= 40 else "*"

    @property
    def edition_digest(self) -> str:
        """The edition's, or one over several."""
        if len(self.matters) == 1:
            return self.matters[0].edition
        return sm3_hex(canonical_json([one.edition for one in self.matters]))

    def ask(self, matter: AskedMatter, overlaps: Mapping[str, Overlap], day: date, known_at: datetime) -> Ask:
        """What the rules of one matter look at; dates of the form are dates."""
        form = {name: _day(value) if name in self.days else value for name, value in self.form.items()}
        return Ask(
            matter.code, form, self.division, day, known_at, self.plot, self.area_m2, self.project_code,
            self.applicant, overlaps, self.materials, self.earlier, matter.kinds, self.project_name,
            matter.titles, self.division_name,
        )  # fmt: skip


def gather(application: Application, case: Case | None, editions: list[MatterEdition], day: date) -> Asked:
    """Read form, plot, newest materials and earlier approvals of an application, or of one of its cases."""
    plot = plot_of(application, case)
    area = square_metres(float(area_of_lonlat([plot])[0])) if plot is not None else None
    project = (case.project_code if case else "") or application.project_code
    sought = earlier.Sought(application.pk, case.pk if case else 0, project, plot, area, day)
    found, fault = _earlier(sought)
    return Asked(
        tuple(_matter(one) for one in editions), (case or application).division_code, application.form, plot, area,
        project, _applicant(application), _materials(application), found, fault, _days(editions),
        (case.project_name if case else "") or application.project_name,
        _division_name((case or application).division_code),
    )  # fmt: skip


def _division_name(code: str) -> str:
    """The name of a division; '' where this node does not know the code."""
    try:
        return str(division(code).name_zh)
    except UnknownDivision:
        return ""


def plot_of(application: Application, case: Case | None) -> shapely.Geometry | None:
    """The plot of the case as submitted or last corrected, or of the application as it stands; EPSG:4490."""
    table, key = ("matters_case", case.pk) if case else ("matters_application", application.pk)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ST_AsBinary(plot) FROM {table} WHERE id = %s", [key])
        row = cursor.fetchone()
    return shapely.from_wkb(bytes(row[0])) if row and row[0] else None


def _matter(edition: MatterEdition) -> AskedMatter:
    definition = definition_of(edition)
    kinds = {one.code: {name: getattr(one, name) for name in _OF_KIND} for one in definition.materials}
    rules = tuple(dict.fromkeys(definition.rules))
    return AskedMatter(
        edition.matter.code, edition.digest, rules, kinds, titles_of(definition.form, definition.materials)
    )


_OF_KIND = ("code", "name_zh", "name_en", "is_required", "when", "reads")


def titles_of(form: Mapping[str, Any], materials: Iterable[MaterialKind]) -> dict[str, tuple[str, str]]:
    """The titles, Chinese and English, of those fields of a form that decide on a material or that one states."""
    named = {name for one in materials for name in (one.when, *one.reads)}
    return {
        name: (str(one["title"]), str(one.get("x-title-en") or one["title"]))
        for name, one in form.get("properties", {}).items()
        if name in named and one.get("title")
    }


def _days(editions: list[MatterEdition]) -> tuple[str, ...]:
    """Fields that the forms declare as dates."""
    declared = {
        name: one.get("format")
        for edition in editions
        for name, one in definition_of(edition).form.get("properties", {}).items()
    }
    return tuple(sorted(name for name, kind in declared.items() if kind == "date"))


def _day(value: Any) -> Any:
    """A date of the form; what is none stays as it was filled in."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _applicant(application: Application) -> dict[str, Any]:
    return {
        "kind": application.applicant_kind, "name": application.applicant_name,
        "code_masked": application.applicant_code_masked,
    }  # fmt: skip


def _materials(application: Application) -> dict[str, dict[str, Any]]:
    """The newest version of each kind that was not taken out again."""
    listed = Material.objects.filter(application=application, is_withdrawn=False).order_by("kind", "version")
    return {
        one.kind: {
            "file_name": one.file_name, "sm3": one.sm3, "pages": one.pages, "reading": one.reading, "facts": one.facts,
            "faults": one.faults,
        }
        for one in listed
    }  # fmt: skip


def _earlier(sought: earlier.Sought) -> tuple[tuple[dict[str, Any], ...], str]:
    try:
        return earlier.find(sought), ""
    except earlier.TooMany:
        return (), "too_many"
    except Exception:  # noqa: BLE001 - rules that need no earlier approval answer all the same
        _log.exception("earlier approvals of application %s could not be looked for", sought.application)
        return (), "failed"


def pack(asked: Asked, editions_of_rules: Mapping[str, int]) -> dict[str, Any]:
    """As ``Check.asked`` keeps it: canonical JSON, geometries as hexadecimal WKB, decimals as text."""
    return {
        "schema": SCHEMA,
        "matters": [_pack_matter(one) for one in asked.matters],
        "rules": dict(editions_of_rules),
        "division": asked.division,
        "division_name": asked.division_name,
        "form": dict(asked.form),
        "days": list(asked.days),
        "plot": _hex(asked.plot),
        "area_m2": _text(asked.area_m2),
        "project_code": asked.project_code,
        "project_name": asked.project_name,
        "applicant": dict(asked.applicant),
        "materials": {kind: dict(one) for kind, one in asked.materials.items()},
        "earlier": [_pack_earlier(one) for one in asked.earlier],
        "earlier_fault": asked.earlier_fault,
    }


def _pack_matter(one: AskedMatter) -> dict[str, Any]:
    return {
        "code": one.code,
        "edition": one.edition,
        "rules": list(one.rules),
        "kinds": _lists(one.kinds),
        "titles": {name: list(words) for name, words in one.titles.items()},
    }


def unpack(packed: Mapping[str, Any]) -> Asked:
    """What :func:`pack` wrote."""
    return Asked(
        tuple(
            AskedMatter(one["code"], one["edition"], tuple(one["rules"]), one["kinds"], one.get("titles", {}))
            for one in packed["matters"]
        ),
        packed["division"], packed["form"], _geometry(packed["plot"]), _decimal(packed["area_m2"]),
        packed["project_code"], packed["applicant"], packed["materials"],
        tuple(_unpack_earlier(one) for one in packed["earlier"]), packed["earlier_fault"],
        tuple(packed["days"]), packed["project_name"], packed.get("division_name", ""),
    )  # fmt: skip


def standing(application: Application) -> dict[str, Any]:
    """The parts of :func:`pack` that whoever applies can change, as they stand now: does a check still speak of them?"""
    return {
        "division": application.division_code,
        "form": dict(application.form),
        "plot": _hex(plot_of(application, None)),
        "project_code": application.project_code,
        "project_name": application.project_name,
        "applicant": _applicant(application),
        "materials": _materials(application),
    }


def _lists(kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {code: {**kind, "reads": list(kind["reads"])} for code, kind in kinds.items()}


_AREAS = ("area_m2", "shared_m2", "outside_m2")


def _pack_earlier(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "plot": _hex(one["plot"]), **{name: _text(one[name]) for name in _AREAS}}


def _unpack_earlier(one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, "plot": _geometry(one["plot"]), **{name: _decimal(one[name]) for name in _AREAS}}


def _hex(geometry: shapely.Geometry | None) -> str | None:
    return None if geometry is None else str(shapely.to_wkb(geometry, hex=True, byte_order=1))


def _geometry(text: str | None) -> shapely.Geometry | None:
    return None if text is None else shapely.from_wkb(text)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
