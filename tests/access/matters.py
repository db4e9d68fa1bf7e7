"""A matter for the access tests, and who may ask what of the catalogue of matters.

Guides are public. Editions are for staff who may see data of the matter's branch; nobody here holds the post of a
matter's owner, so every change is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kunyu.engines.matters.definitions.editions import publish
from kunyu.engines.matters.definitions.matter import Definition
from kunyu.engines.security.scope import operator

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World

CODE = "T-901"
SEE = frozenset({"viewer", "downloader", "editor", "cleared", "neighbour"})
"""Who may see data under the branch of the matter, in any county."""
NOBODY: frozenset[str] = frozenset()


def build(markup: str) -> int:
    """Commit a matter with one edition; its id."""
    made = publish(
        operator("tests"),
        Definition(
            code=CODE, name_zh=f"试验事项{markup}", name_en=markup, kind="01", levels=("county",), branch="30401-001",
            basis=(f"《试验法》{markup}",), window_zh=markup, extra={"contact_zh": markup},
            form={"type": "object", "properties": {"use": {"type": "string", "title": markup, "x-title-en": markup}}},
        ),
        reason=markup,
    )  # fmt: skip
    return made.pk


def _of(done_by: frozenset[str] | None = None, **more: object) -> Callable[[World], list[Sample]]:
    def made(world: World) -> list[Sample]:
        from tests.access.rules import Sample

        named = more | {"edition_id": world.matter_edition} if "edition_id" in more else more
        return [
            Sample({"code": CODE, **named}, "", None, SEE, done_by),
            Sample({"code": "T-999", **named}, "", None, NOBODY, NOBODY),
        ]

    return made


def rules() -> dict[str, Rule]:
    """Every route of the catalogue of matters."""
    from tests.access.rules import Rule

    one = {"edition_id": 0}
    values = {"values": 'name_zh = "甲"', "reason": "试验"}
    return {
        "matters/": Rule("signed in"),
        "matters/completeness/": Rule("signed in"),
        "matters/comparison/": Rule("signed in"),
        "matters/<slug:code>/": Rule("data", samples=_of()),
        "matters/<slug:code>/new": Rule("data", write="act", body=values, samples=_of(NOBODY)),
        "matters/<slug:code>/editions/<int:edition_id>/": Rule("data", samples=_of(**one)),
        "matters/<slug:code>/editions/<int:edition_id>/publish": Rule(
            "data", write="act", body=values, samples=_of(NOBODY, **one)
        ),
        "matters/<slug:code>/editions/<int:edition_id>/discard": Rule("data", write="act", samples=_of(NOBODY, **one)),
        "matters/<slug:code>/editions/<int:edition_id>/<matter_part:name>": Rule(
            "data", samples=_of(name="form.json", **one)
        ),
        "api/matters": Rule("open"),
        "api/matters/completeness": Rule("signed in"),
        "api/matters/comparison": Rule("signed in"),
        "api/matters/<code>": Rule("open", samples=_of()),
        "api/matters/<code>/form": Rule("open", samples=_of()),
        "api/matters/<code>/editions": Rule("data", samples=_of()),
        "api/matters/<code>/editions/<number>": Rule("data", samples=_of(number=1)),
    }
