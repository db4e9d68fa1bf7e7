"""Who may follow a case as its applicant: nobody here applied, so to everybody the numbers do not exist, officers too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.access.cases import COUNTIES

if TYPE_CHECKING:
    from tests.access.rules import Rule, Sample
    from tests.access.world import World


def _nobodys(world: World) -> list[Sample]:
    from tests.access.rules import Sample

    numbers = [*(world.cases[county]["number"] for county in COUNTIES), "99010120261123999999"]
    return [Sample({"number": number, "document_id": 1}, "", None, frozenset()) for number in numbers]


def rules() -> dict[str, Rule]:
    """The applicant's pages of a case."""
    from tests.access.rules import Rule

    case = "hall/cases/<case_number:number>"
    return {
        case: Rule("data", samples=_nobodys),
        f"{case}/answer": Rule("data", samples=_nobodys),
        f"{case}/withdraw": Rule("data", body={"text": "试验"}, samples=_nobodys),
        f"{case}/letters/<int:document_id>": Rule("data", samples=_nobodys),
    }
