"""What samples answer in the forms of the matters that ship. 样例表单.

Answers follow the plot (area, class of land, planned use); a matter that ships later is asked nothing here, because its
samples would be guesses.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from kunyu.project.sample_cases.courses import CONVERSION, PERMIT, REVIEW, RURAL, Course
from kunyu.project.sample_cases.land import FIELD, Plot
from kunyu.project.sample_cases.subjects import Subject

_AGRICULTURAL = ("01", "02", "03", "04")
_FIRST_USE = {"village": "0703", "field": "0601"}
_SECOND_LEVEL = {
    "07": "0701",
    "08": "0804",
    "09": "0901",
    "10": "1001",
    "11": "1101",
    "12": "1207",
    "13": "1301",
    "14": "1401",
}


def answers_of(course: Course, subject: Subject, plot: Plot, today: date, asked: Collection[str]) -> dict[str, Any]:
    """One form for all matters of a course; ``asked``: the fields its form has."""
    form: dict[str, Any] = {
        "contact_name": subject.contact, "contact_phone": subject.phone, "location": subject.location,
        "use_code": use_of(course, plot), "declared_area_m2": round(plot.area_m2, 2), "occupies_red_line": False,
        "construction_scale": subject.scale,
    }  # fmt: skip
    for matter in course.matters:
        form |= _BY_MATTER[matter](subject, plot, today)
    return {name: value for name, value in form.items() if name in asked}


def use_of(course: Course, plot: Plot) -> str:
    """A use that the plan admits, where forms know one: applicants ask for what the plan says, mostly.

    Plans of counties name uses by their first level, forms by their second.
    """
    planned = plot.planned_use[:4]
    if len(planned) == 4 and planned[:2] in _SECOND_LEVEL:
        return planned
    return _FIRST_USE.get(course.land) or _SECOND_LEVEL.get(planned[:2], "0804")


def _review(subject: Subject, plot: Plot, today: date) -> dict[str, Any]:
    return {
        "project_type": subject.project_kind, "is_major_project": False, "project_procedure": "approval",
        "project_authority": "county", "project_basis": f"坤舆县专项规划（坤发改〔{today.year}〕{int(plot.area_m2) % 90 + 1}号）",
        "standard_area_m2": round(plot.area_m2 * 1.1, 2), "occupies_permanent_farmland": False,
        "geohazard_report_id": f"地灾评〔{today.year}〕{int(plot.area_m2) % 40 + 1}号",
    }  # fmt: skip


def _conversion(subject: Subject, plot: Plot, today: date) -> dict[str, Any]:
    whole = round(plot.area_m2, 2)
    is_agricultural, is_cultivated = plot.land_class[:2] in _AGRICULTURAL, plot.land_class in FIELD
    more = {"balance_id": f"占补〔{today.year}〕{int(plot.area_m2) % 60 + 1}号"} if is_cultivated else {}
    return {
        "project_type": subject.project_kind, "is_major_project": False, "is_single_site": False,
        "plan_approved_by": "province", "approval_level": "province", "occupies_permanent_farmland": False,
        "agricultural_m2": whole if is_agricultural else 0, "cultivated_m2": whole if is_cultivated else 0,
        "construction_m2": 0 if is_agricultural else whole, "unused_m2": 0, "takes_cultivated_land": is_cultivated, **more,
    }  # fmt: skip


def _permit(subject: Subject, plot: Plot, today: date) -> dict[str, Any]:
    return {
        "project_type": subject.project_kind, "is_major_project": False,
        "project_approval_number": f"坤发改审〔{today.year}〕{int(plot.area_m2) % 70 + 1}号",
        # asked for together with the site opinion the approval is still to come: the opinion is given before it
        "project_approval_date": (today + timedelta(days=30)).isoformat(), "is_allocated": True,
        "supply_number": f"990101{today.year}A{int(plot.area_m2) % 100_000:05d}",
        "supply_date": (today - timedelta(days=45)).isoformat(), "occupies_permanent_farmland": False,
        "land_approval_authority": "示范省人民政府", "land_approval_number": f"示政地〔{today.year}〕{int(plot.area_m2) % 80 + 1}号",
    }  # fmt: skip


def _rural(subject: Subject, plot: Plot, today: date) -> dict[str, Any]:
    return {
        "purpose": "homestead", "floors": 2, "floor_area_m2": round(plot.area_m2 * 1.6, 2), "other_homesteads": 0,
        "homestead_cap_m2": 167, "village_opinion_date": (today - timedelta(days=20)).isoformat(), "use_code": "0703",
    }  # fmt: skip


_BY_MATTER = {REVIEW: _review, CONVERSION: _conversion, PERMIT: _permit, RURAL: _rural}
