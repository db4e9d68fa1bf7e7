"""Make the examples of the rule reference: one real finding of every rule, drawn. 规则示例图.

A sample county with every seeded defect is generated and checked; the first finding of each rule becomes a picture
``docs/reference/rules/<rule>.svg`` and an entry of ``examples.json``, which the rules page shows. Run by ``make docs``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kunyu.engines.catalogue.standards import load_standard
from kunyu.engines.ingest.checks.base_reference import reference_of_file
from kunyu.engines.ingest.checks.finding import Finding
from kunyu.engines.ingest.checks.reference_page import EXAMPLES
from kunyu.engines.ingest.checks.report.drawing import Drawer
from kunyu.engines.ingest.checks.report.html import measure
from kunyu.engines.ingest.checks.runner import CheckReport, run
from kunyu.engines.ingest.reading import open_delivery
from kunyu.project.sample_county.generate import generate_county

SURVEY, CONTROL = "TDT1057-2020", "MNR-CONTROL-2021"
PARCELS, SEED = 1500, 5
STYLE = (
    "<style>.ky-near{fill:#f2f4f4;stroke:#aab6ba;stroke-width:.8;fill-rule:evenodd}"
    ".ky-named{fill:#cfe3e7;stroke:#0b5d6b;stroke-width:1.4;fill-rule:evenodd}"
    ".ky-place{fill:rgba(179,38,30,.45);stroke:#b3261e;stroke-width:2.2;fill-rule:evenodd}"
    ".ky-bar{fill:none;stroke:#1d2b30;stroke-width:1.2}"
    ".ky-text{font:11px sans-serif;paint-order:stroke;stroke:#fff;stroke-width:3px}</style>"
)


def reports(folder: Path) -> Iterator[CheckReport]:
    """Check what can be spoiled: the county, its change package, its control lines."""
    generate_county(folder / "clean", PARCELS, SEED)
    generate_county(folder / "spoiled", PARCELS, SEED, defects="all:1")
    survey = load_standard(SURVEY)
    yield checked(folder / "spoiled" / "county.gpkg", SURVEY)
    with open_delivery(next((folder / "spoiled").glob("change-*.gpkg"))) as source:
        yield run(source, survey, reference=reference_of_file(folder / "clean" / "county.gpkg", survey))
    yield checked(folder / "spoiled" / "control.gpkg", CONTROL)


def checked(file: Path, standard: str) -> CheckReport:
    """Check one file of the county."""
    with open_delivery(file) as source:
        return run(source, load_standard(standard))


def examples(report: CheckReport) -> Iterator[tuple[str, Finding, str | None]]:
    """Yield (rule, its clearest finding, its picture); one with a picture is clearer than one without."""
    assert report.delivered is not None
    drawer = Drawer(report.delivered)
    for rule in report.rules:
        found = [one for one in report.findings if one.rule == rule.id]
        drawn = next(((one, picture) for one in found[:20] if (picture := drawer.draw(one)) is not None), None)
        if drawn is not None:
            yield rule.id, drawn[0], standalone(str(drawn[1]))
        elif found:
            yield rule.id, found[0], None


def standalone(picture: str) -> str:
    """Return an ``<svg>`` of a report as a file of its own."""
    head, rest = picture.split(">", 1)
    return f'{head} xmlns="http://www.w3.org/2000/svg">{STYLE}{rest}\n'


def main() -> int:
    """Write the pictures and the list."""
    EXAMPLES.mkdir(parents=True, exist_ok=True)
    for old in EXAMPLES.glob("*.svg"):
        old.unlink()
    told: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for report in reports(Path(folder)):
            for rule, finding, picture in examples(report):
                if rule in told:
                    continue
                told[rule] = {
                    "layer": finding.layer, "zh": finding.message_zh, "en": finding.message_en,
                    "measured": measure(finding.measured, finding.unit), "limit": measure(finding.limit, finding.unit),
                    "remedy": finding.remedy_zh, "picture": picture is not None,
                }  # fmt: skip
                if picture is not None:
                    (EXAMPLES / f"{rule}.svg").write_text(picture, encoding="utf-8")
    text = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True)
    (EXAMPLES / "examples.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(told)} rules, {sum(bool(one['picture']) for one in told.values())} pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
