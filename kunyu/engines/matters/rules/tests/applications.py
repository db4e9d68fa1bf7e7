"""Applications, cases and matters as the tests of checks need them. 测试用申请与办件."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from typing import Any

import shapely
from django.db import connection

from kunyu.engines.matters.definitions import canonical
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.matters.models import Application, Case, Decision, Matter, MatterEdition
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.kernel.geodesy import area_of_lonlat

COUNTY = "990101"
BRANCH = "30401-001"
_numbers = itertools.count(1)


def matter(code: str, *rules: str, **more: Any) -> MatterEdition:
    """A matter in use that names these rules."""
    definition = canonical.to_json(Definition(code, f"事项{code}", f"Matter {code}", "01", ("法",), ("county",),
                                              branch=BRANCH, rules=rules, **more))  # fmt: skip
    found, _ = Matter.objects.get_or_create(
        code=code, defaults={"name_zh": f"事项{code}", "kind": "01", "branch": BRANCH, "is_open": True}
    )
    MatterEdition.objects.filter(matter=found, state="published").update(state="retired")
    return MatterEdition.objects.create(
        matter=found, number=next(_numbers), state="published", definition=definition, made_by="tests",
        digest=canonical.digest_of_edition(definition, "", {}),
    )  # fmt: skip


def application(plot: shapely.Geometry | None, *matters: str, **more: Any) -> Application:
    """An application for some matters over a plot (EPSG:4490)."""
    made = Application.objects.create(
        key=f"key-{next(_numbers)}", matters=list(matters), created_by="tests",
        **({"division_code": COUNTY, "applicant_name": "示范建设公司", "applicant_kind": "organisation"} | more),
    )  # fmt: skip
    put_plot("matters_application", made.pk, plot)
    return made


def case(edition: MatterEdition, plot: shapely.Geometry | None, *, state: str = "in_review", **more: Any) -> Case:
    """A case of an application of its own; granted ones are decided."""
    project = more.pop("project_code", "")
    about = more.pop("application", None) or application(plot, edition.matter.code, form=more.pop("form", {}))
    instant = datetime(2026, 11, 20, 8, tzinfo=UTC)
    is_closed = state in ("granted", "refused", "not_accepted", "withdrawn", "revoked")
    made = Case.objects.create(
        number=f"{COUNTY}20261120{next(_numbers):04d}", application=about, matter=edition.matter, edition=edition,
        branch=BRANCH, division_code=COUNTY, county=COUNTY, state=state, applicant_name="示范建设公司",
        project_code=project, plot_area_m2=float(area_of_lonlat([plot])[0]) if plot is not None else None,
        submitted_at=instant, decided_at=instant if state in ("granted", "decided") else None,
        closed_at=instant if is_closed else None, **more,
    )  # fmt: skip
    put_plot("matters_case", made.pk, plot)
    if state in ("granted", "decided"):
        Decision.objects.create(case=made, outcome="grant", reason="符合", decided_by="tests", decided_at=instant)
    return made


def put_plot(table: str, key: int, plot: shapely.Geometry | None) -> None:
    if plot is None:
        return
    whole = shapely.multipolygons([plot]) if plot.geom_type == "Polygon" else plot
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET plot = ST_SetSRID(%s::geometry, 4490) WHERE id = %s",
                       [shapely.to_wkb(whole, hex=True), key])  # fmt: skip


def somebody(name: str, **grant: Any) -> Principal:
    """A person without rights, or with one to see and query."""
    user = User.objects.create_user(name, "a-long-password", name_zh=name)
    for action in ("see", "query") if grant else ():
        user.grants.create(action=action, **{"max_secrecy": 2, "max_grading": 2, "max_sharing": 2, **grant})
    return principal_of(user, "tests")


def on(year: int, month: int, day: int) -> date:
    return date(year, month, day)
