"""``kunyu check``: judge a delivery on any machine, without a node. 成果检查命令."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kunyu.engines.ingest.checks.finding import Finding
    from kunyu.engines.ingest.checks.reference import Reference
    from kunyu.engines.ingest.checks.rule import Rule
    from kunyu.engines.ingest.checks.runner import CheckReport, Listener, Progress

FOUND = 1
"""Exit code: done, with findings of severity S or Z."""


def register(app: typer.Typer) -> None:
    """Add the command ``check``."""
    app.command("check", help="检查成果，无需节点。 Check a delivery; needs no node.")(check)


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="文件、文件夹或压缩包。 A file, a folder or a zip.")],
    standard: Annotated[str, typer.Option(help="标准，如 TDT1057-2020。 Standard to judge by.")],
    mapping: Annotated[Path | None, typer.Option(help="映射文件。 Mapping file (TOML).")] = None,
    reference: Annotated[Path | None, typer.Option(help="参考包。 Reference pack issued by a node.")] = None,
    reference_key: Annotated[
        list[Path] | None,
        typer.Option("--reference-key", help="签发节点的公钥或证书（PEM），可重复。 Key or certificate of the node."),
    ] = None,
    rules: Annotated[
        list[Path] | None, typer.Option(help="地方规则集（TOML），可重复。 Local rule set (TOML); may repeat.")
    ] = None,
    report: Annotated[
        list[Path] | None, typer.Option(help="报告：.json .html .pdf .docx .gpkg，可重复。 Report; may repeat.")
    ] = None,
    division: Annotated[str | None, typer.Option(help="行政区划代码。 Division the delivery is for.")] = None,
    year: Annotated[int | None, typer.Option(help="调查年份。 Survey year.")] = None,
    stream: Annotated[
        Path | None, typer.Option(help="边查边写发现（每行一个 JSON）。 Findings as rules end, one JSON a line.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="标准输出为 JSON。 JSON on standard output.")] = False,
) -> None:
    """Run the rules and print what they found; exit code 1 when there is anything of severity S or Z."""
    from kunyu.engines.catalogue.standards import load_standard
    from kunyu.engines.ingest.checks.local.rule_set import load_rule_set
    from kunyu.engines.ingest.checks.report.write import require_writable, write_report
    from kunyu.engines.ingest.checks.runner import run
    from kunyu.engines.ingest.mapping import apply, load_mapping
    from kunyu.engines.ingest.reading import open_delivery

    _require_sane(division, year)
    rules_of = load_standard(standard)
    local = [load_rule_set(path, rules_of) for path in rules or ()]
    plan = load_mapping(mapping) if mapping is not None else None
    for path in report or ():
        require_writable(path)
    knowledge = _reference(reference, reference_key or [])
    encoding = plan.encoding if plan else None
    with _Progress() as tell, _Stream(stream) as listener, open_delivery(file, encoding=encoding) as source:
        mapped = apply(source, rules_of, plan)
        outcome = run(
            mapped,
            rules_of,
            reference=knowledge,
            progress=tell,
            listener=listener,
            local=local,
            division=division,
            year=year,
        )
        for path in report or ():
            tell(path.name, 1, 1)
            write_report(outcome, path)
    if as_json:
        sys.stdout.buffer.write(outcome.to_json() + b"\n")
        sys.stdout.buffer.flush()
    else:
        print_table(outcome)
    if not outcome.clean:
        raise typer.Exit(FOUND)


def _require_sane(division: str | None, year: int | None) -> None:
    from kunyu.kernel.errors import UsageError

    if division is not None and not (division.isascii() and division.isdigit() and len(division) in (6, 9, 12)):
        raise UsageError(
            f"行政区划代码 {division} 应为 6、9 或 12 位数字。", f"Division code {division} must be 6, 9 or 12 digits."
        )
    if year is not None and not 1984 <= year <= 2100:
        raise UsageError(f"调查年份 {year} 应在 1984 与 2100 之间。", f"Survey year {year} must be 1984 to 2100.")


def _reference(pack: Path | None, keys: list[Path]) -> Reference | None:
    """The pack's content, once its signature and its signer are seen to be right."""
    from kunyu.engines.ingest.checks.reference_file import read_pack
    from kunyu.engines.ingest.checks.reference_trust import key_file, on_first_use, only
    from kunyu.kernel.errors import UsageError

    if pack is None:
        if keys:
            raise UsageError(
                "--reference-key 只与 --reference 一起使用。", "--reference-key is for use with --reference only."
            )
        return None
    known = [key for path in keys for key in key_file(path)]
    return read_pack(pack, only(known) if known else on_first_use(_note))


def _note(zh: str, en: str) -> None:
    print(f"注意：{zh}\nNote: {en}", file=sys.stderr)


class _Stream:
    """Findings as rules end, one JSON object a line: not in canonical order, and exceptions are not taken out."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def __enter__(self) -> Listener | None:
        if self.path is None:
            return None
        from kunyu.kernel.errors import UsageError

        try:
            self.file = self.path.open("wb")
        except OSError as error:
            raise UsageError(
                f"--stream 的文件 {self.path.name} 不能写入（{error}）。",
                f"--stream cannot write {self.path.name} ({error}).",
            ) from error
        return self._write

    def _write(self, _rule: Rule, found: Sequence[Finding]) -> None:
        from kunyu.kernel.digests import canonical_json

        self.file.writelines(canonical_json(one.to_dict()) + b"\n" for one in found)
        self.file.flush()  # for whoever reads along

    def __exit__(self, *_error: object) -> None:
        if hasattr(self, "file"):
            self.file.close()


class _Progress:
    """A bar on standard error, on a terminal only."""

    def __enter__(self) -> Progress:
        if not sys.stderr.isatty():
            return lambda _what, _done, _all: None
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(), console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self.bar.start()
        task = self.bar.add_task("读取 reading", total=None)
        return lambda what, done, every: self.bar.update(task, description=what, completed=done, total=every)

    def __exit__(self, *_error: object) -> None:
        if hasattr(self, "bar"):
            self.bar.stop()


def print_table(outcome: CheckReport) -> None:
    """Print rule, clause, severity, count and first example, then what did not run."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    counts = Counter(one.rule for one in outcome.findings)
    table = Table(title=f"{outcome.standard} · {outcome.crs or '坐标系未知 unknown CRS'}", title_justify="left")
    for name in ("规则 Rule", "名称与条款 Name, clause", "级别 Severity", "数 Count", "第一处 First"):
        table.add_column(name, overflow="fold", justify="right" if name.startswith("数") else "left")
    for rule in outcome.rules:
        first = next((one.message_zh for one in outcome.findings if one.rule == rule.id), "")
        table.add_row(rule.id, f"{rule.name_zh}\n{_clause(rule, outcome)}", rule.severity, str(counts[rule.id]), first)
    console.print(table)
    summary = outcome.summary
    console.print("  ".join(f"{one} {summary[one]}" for one in summary), "—", _verdict(outcome))
    if outcome.excepted:
        console.print(f"已确认的例外，不计 Accepted as exceptions, not counted: {len(outcome.excepted)}")
    if outcome.rules_not_run:
        ids = ", ".join(one.rule for one in outcome.rules_not_run)
        console.print(f"未运行 Not run ({len(outcome.rules_not_run)}): {ids}")


def _clause(rule: Rule, outcome: CheckReport) -> str:
    return outcome.delivered.clause(rule) if outcome.delivered else rule.clause


def _verdict(outcome: CheckReport) -> str:
    if outcome.clean:
        return "没有严重或重缺陷 no finding of severity S or Z"
    return "有严重或重缺陷，须改正 findings of severity S or Z must be corrected"
