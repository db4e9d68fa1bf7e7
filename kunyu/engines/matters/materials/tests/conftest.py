"""An application for a matter with four kinds of material, the people around it, and ways to hand files in."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kunyu.engines.matters.models import Application, Case, Material
    from kunyu.engines.security.scope import Principal

BRANCH = "30401-001"


@dataclass
class Desk:
    """The application, its case once there is one, and who is around."""

    application: Application
    people: dict[str, Principal]
    matter: Any
    edition: Any
    more: dict[str, Any] = field(default_factory=dict)

    def take(self, content: bytes, kind: str = "application", name: str = "a.pdf", who: str = "applicant") -> Material:
        from kunyu.engines.matters.materials.taking import take

        return take(self.people[who], self.application.pk, kind, name, io.BytesIO(content))

    def read(self, material: Material) -> Material:
        """What the task worker does."""
        from kunyu.engines.matters.materials.reading import read

        read(material.pk)
        material.refresh_from_db()
        return material

    def open_case(self, state: str = "submitted") -> Case:
        from django.utils import timezone

        from kunyu.engines.matters.models import Application, Case

        self.application.state = Application.State.SUBMITTED
        self.application.save(update_fields=["state"])
        is_open = state in ("submitted", "correcting", "in_review", "paused", "decided")
        return Case.objects.create(
            number=f"case-{self.application.pk}", application=self.application, matter=self.matter, edition=self.edition,
            branch=BRANCH, division_code="990101", county="990101", state=state,
            applicant_account_id=self.application.applicant_id, applicant_name="临江市城市建设投资有限公司",
            submitted_at=timezone.now(), closed_at=None if is_open else timezone.now(),
        )  # fmt: skip


@pytest.fixture
def desk(db: None) -> Desk:
    """Three accounts: the applicant, a clerk and a viewer of the county, somebody else; a draft of the first."""
    from kunyu.engines.matters.definitions.canonical import to_json
    from kunyu.engines.matters.definitions.matter import Definition, MaterialKind
    from kunyu.engines.matters.models import Application, Matter, MatterEdition

    kinds = (
        MaterialKind("application", "申请表", "form", reads=("applicant_name", "applicant_code", "area_m2", "project_code"),
                     formats=("pdf", "ofd", "jpg", "png", "tiff", "docx")),
        MaterialKind("identity", "主体资格证明", "identity", licence_kind="business_licence", reads=("applicant_code",)),
        MaterialKind("plot_file", "界址点成果", "plot", is_required=False, formats=("zip",)),
        MaterialKind("reply", "批复", "reply", is_required=False, when="has_reply", reads=("prior_number",)),
    )  # fmt: skip
    definition = Definition(
        "T-001",
        "试验事项",
        "trial",
        "01",
        ("《试验》",),
        ("county",),
        branch=BRANCH,
        materials=kinds,
        is_complete=True,
        rules=tuple(f"MA-0{number}" for number in range(1, 9)),
    )
    matter = Matter.objects.create(code="T-001", name_zh="试验事项", kind="01", branch=BRANCH, is_open=True)
    edition = MatterEdition.objects.create(
        matter=matter, number=1, state="published", definition=to_json(definition), digest="d" * 64, made_by="tests"
    )
    people = {name: _person(name, actions) for name, actions in _PEOPLE.items()}
    application = Application.objects.create(
        key="k-1", division_code="990101", matters=["T-001"], applicant_id=people["applicant"].user_id,
        applicant_kind="organisation", applicant_name="临江市城市建设投资有限公司", applicant_code="91350100M000100Y43",
        applicant_code_masked="91350100M000100Y43", created_by="applicant",
    )  # fmt: skip
    return Desk(application, people, matter, edition)


_PEOPLE = {"applicant": (), "somebody": (), "clerk": ("see", "query", "edit"), "viewer": ("see", "query")}


def _person(name: str, actions: tuple[str, ...]) -> Principal:
    from kunyu.engines.security.models import User
    from kunyu.engines.security.session import principal_of

    user = User.objects.create_user(f"m-{name}", "a-long-password-2026", name_zh=name)
    for action in actions:
        user.grants.create(
            action=action, division_prefix="990101", branch=BRANCH, max_secrecy=2, max_grading=1, max_sharing=1
        )
    return principal_of(user)


@pytest.fixture
def limits() -> Iterator[Callable[..., None]]:
    """Set limits for one test."""
    import os

    from kunyu.engines.matters.materials.settings import material_settings

    names: list[str] = []

    def put(**values: int) -> None:
        for name, value in values.items():
            names.append(f"KUNYU_MATTERS_{name.upper()}")
            os.environ[names[-1]] = str(value)
        material_settings.cache_clear()

    yield put
    for name in names:
        os.environ.pop(name, None)
    material_settings.cache_clear()
