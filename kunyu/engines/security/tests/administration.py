"""People and organisations for the tests of administration; nothing is committed."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from kunyu.engines.reference.models import Division, Organisation
from kunyu.engines.security import (
    appointment_services,
    epochs,
    organisation_services,
    post_services,
    rights,
    services,
)
from kunyu.engines.security.appointment_services import Term
from kunyu.engines.security.models import AdminDuty, Appointment, Post, Role, User
from kunyu.engines.security.organisation_services import UnitEntry
from kunyu.engines.security.scope import Principal, Right, operator
from kunyu.engines.security.session import principal_of

PASSWORD = "Correct-horse-9-staple"
DIVISIONS = ("99", "9901", "990101", "990102", "9902", "990201")


@lru_cache(maxsize=1)
def _hashed() -> str:
    """One slow hash for all people of the tests."""
    return make_password(PASSWORD)


class World:
    """A city bureau 9901 with a county bureau 990101 and one of another city 9902; administrators of each duty."""

    def __init__(self) -> None:
        Division.objects.filter(code__startswith="99").delete()
        Division.objects.bulk_create(
            Division(code=code, name_zh=f"区划{code}", level=len(code) // 2, parent_code=code[:-2], source="test")
            for code in DIVISIONS
        )
        self.system = self.administrator("sys", "system", "9901")
        self.security = self.administrator("sec", "security", "9901")
        self.audit = self.administrator("aud", "audit", "9901")
        self.other = self.administrator("sys2", "system", "9902")
        self.city = self.unit("C", "示范市自然资源局", "9901")
        self.county = self.unit("K", "坤舆县自然资源局", "990101", self.city)
        self.office = self.unit("K-1", "测绘科", "990101", self.county, "department")
        self.far = self.unit("F", "另一市自然资源局", "9902", by=self.other)
        self.role = Role.objects.create(code="t-steward", name_zh="数据管理员（试）")
        self.role.grants.create(action="query", branch="104", within_post=True)
        self.post = post_services.create(self.system, self.office.pk, "数据管理岗")
        self.li = self.person("li", "李工", "990101")

    def administrator(self, name: str, duty: str, division: str) -> Principal:
        user = self.person(name, f"{name}员", division)
        AdminDuty.objects.create(user=user, duty=duty, division_prefix=division, appointed_by="tests")
        return principal_of(User.objects.get(pk=user.pk), "tests")

    def person(self, name: str, name_zh: str, division: str) -> User:
        return User.objects.create(username=name, name_zh=name_zh, division_code=division, password=_hashed())

    def unit(
        self, code: str, name: str, division: str, parent: Organisation | None = None, kind: str = "bureau",
        by: Principal | None = None,
    ) -> Organisation:  # fmt: skip
        entry = UnitEntry(code, name, kind, division_code=division, parent_id=parent.pk if parent else None)
        return organisation_services.create(by or self.system, entry)

    def appointed(self, user: User | None = None, post: Post | None = None, days_ago: int = 30) -> Appointment:
        first = timezone.localdate() - timedelta(days=days_ago)
        person, place = user or self.li, post or self.post
        return appointment_services.appoint(self.system, person.pk, place.pk, Term(first), "任职文件")

    def token(self, user: User) -> str:
        return services.issue_token(user, "qgis", operator())


def rights_of(person: User) -> tuple[Right, ...]:
    """As the next request finds them: every request asks for the epoch anew."""
    epochs.forget()
    return rights.rights_of(person.pk)


def today() -> date:
    return timezone.localdate()


def entered(principal: Principal) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=principal.user_id))
    return client


def send(client: Client, path: str, **values: Any) -> Any:
    """Open the form, then send it with its token."""
    page = client.get(path).content.decode()
    found = re.search(r'name="once" value="([^"]+)"', page)
    return client.post(path, {"once": found[1] if found else "", **values})
