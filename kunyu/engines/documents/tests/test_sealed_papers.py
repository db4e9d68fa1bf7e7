"""One road to a sealed paper: which profiles it bears, a full disk, two workers at once (R-133, R-311)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kunyu.engines.documents import licences, sealed_papers, signing, templates
from kunyu.engines.documents.errors import SealUnusable
from kunyu.engines.documents.models import Document, Licence, Seal, SealUse
from kunyu.engines.documents.seals.settings import SealsSettings
from kunyu.engines.documents.seals.tests.made import DECIDER, NAME, active_seal, paper
from kunyu.engines.documents.tests.little_room import little_room
from kunyu.engines.documents.tests.requests import request
from kunyu.engines.pages.tests.at_once import at_once
from kunyu.engines.security.models import AuditEntry
from kunyu.kernel.objects import StoreFull


def plain(key: str = "case:T9:refusal") -> Document:
    return templates.keep(
        DECIDER, paper(), key=key, kind="refusal", subject="case:T9", title_zh="不予许可决定书", media_type="application/pdf",
        pages=1, proof="KY0123456789ABC",
    )  # fmt: skip


def sealed(one: Document, seal: Seal) -> Document:
    return sealed_papers.sealed(DECIDER, one, seal, key=f"{one.key}:sealed", place=one.subject, office=NAME)


@pytest.fixture
def profiles(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def chosen(text: str) -> None:
        monkeypatch.setattr(signing, "seals_settings", lambda: SealsSettings(profiles=text))

    return chosen


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "borne"),
    [("", ("pdf-sm2", "pades-ecdsa")), ("sm2", ("pdf-sm2",)), ("ecdsa,sm2", ("pades-ecdsa", "pdf-sm2"))],
)
def test_a_letter_bears_what_the_setting_says(
    setting: str, borne: tuple[str, ...], profiles: Callable[[str], None]
) -> None:
    """Letters and licences alike; unless it is set otherwise both, and every one of them valid, in either order."""
    if setting:
        profiles(setting)
    made = sealed(plain(), active_seal())
    said = signing.verify_pdf(templates.content_of(made))
    assert said.is_valid and said.is_whole, said.why_en
    assert tuple(one.profile for one in said.signatures) == borne
    assert (made.is_sealed, made.proof, made.kind) == (True, "KY0123456789ABC", "refusal")
    assert [use.profile for use in SealUse.objects.order_by("id")] == list(borne)


@pytest.mark.django_db
@pytest.mark.parametrize("setting", ["rsa", " , "])
def test_a_setting_that_names_no_profile_seals_nothing(setting: str, profiles: Callable[[str], None]) -> None:
    profiles(setting)
    with pytest.raises(SealUnusable):
        sealed(plain(), active_seal())
    assert not SealUse.objects.exists() and Document.objects.count() == 1


@pytest.mark.django_db
def test_a_full_disk_leaves_nothing_half_sealed(tmp_path: Path) -> None:
    """The sealed file does not fit: no use of the seal, no file, no licence in force; with room the same call ends it."""
    one, seal = plain(), active_seal()
    with little_room(one.size + 1_000), pytest.raises(StoreFull):
        sealed(one, seal)
    assert not SealUse.objects.exists() and not Document.objects.filter(is_sealed=True).exists()
    assert not AuditEntry.objects.filter(action="seal-used").exists()
    asked = request(tmp_path, seal)
    with little_room(4_000), pytest.raises(StoreFull):
        licences.issue(DECIDER, asked)
    licence = Licence.objects.get()
    assert (licence.state, licence.pdf) == ("issuing", None)
    done = licences.issue(DECIDER, asked)
    assert (done.pk, done.number, done.state) == (licence.pk, licence.number, "valid")
    assert sealed(one, seal).pk == sealed(one, seal).pk
    assert SealUse.objects.count() == 4, "two papers, two profiles each"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_paper_seal_it_once() -> None:
    """Workers of two nodes take up the same decision: one seals, the other finds it sealed; no use too many."""
    one, seal = plain(), active_seal()
    found = at_once([lambda: sealed(one, seal).pk] * 2)
    assert isinstance(found[0], int) and found[0] == found[1], found
    assert Document.objects.filter(is_sealed=True).count() == 1
    assert sorted(SealUse.objects.values_list("profile", flat=True)) == ["pades-ecdsa", "pdf-sm2"]
    assert AuditEntry.objects.filter(action="seal-used").count() == 2
