"""Read the command line, run one command, turn every ending into a message and an exit code (contract.md).

Exit codes: 0 done and clean, 1 done with findings, 2 wrong usage, 3 input unreadable, 4 refused, 5 node or database not
available, 70 a defect of ours. With ``--json`` an error is a problem document (RFC 9457) on standard output.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import typer

from kunyu.kernel.errors import Defect, KunyuError, NodeUnavailable, UsageError
from kunyu.project.cli.commands import COMMANDS, attach, attach_help
from kunyu.project.cli.report import write_defect_report

INTERRUPTED = 130
ABOUT = "坤舆：自然资源“一网一图一平台”节点。 Kunyu: the node of a natural-resources bureau."


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; nothing but ``SystemExit`` of the interpreter passes through."""
    as_json = "--json" in arguments
    try:
        app = build(arguments)
        result = typer.main.get_command(app).main(list(arguments), prog_name="kunyu", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        print("已中断。 Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output left: nothing to report
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.Exit as ended:
        return ended.exit_code
    except BaseException as error:  # the last handler: every ending becomes a message and a code
        if isinstance(error, (SystemExit, GeneratorExit)):
            raise
        return fail(as_kunyu_error(error, arguments), as_json)
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def build(arguments: Sequence[str]) -> typer.Typer:
    """Return the application with the called command attached; the others appear by their help line only."""
    app = typer.Typer(
        help=ABOUT, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    app.callback()(_root)
    called = next((word for word in arguments if not word.startswith("-")), None)
    for command in COMMANDS:
        (attach if command.name == called else attach_help)(app, command)
    return app


def _root() -> None:
    """Hold the commands together: without a callback Typer would turn a single command into the application."""


_root.__doc__ = ABOUT


def fail(error: KunyuError, as_json: bool) -> int:
    """Tell the user about an error; return its exit code."""
    print(f"错误 [{error.code}] {error.detail_zh}\nError: {error.detail_en}", file=sys.stderr)
    if as_json:
        print(json.dumps(error.problem(), ensure_ascii=False))
    return error.exit_code


def as_kunyu_error(error: BaseException, arguments: Sequence[str]) -> KunyuError:
    """Return the error that the user sees for any exception; a defect leaves a report file."""
    if isinstance(error, KunyuError):
        if error.exit_code == Defect.exit_code:
            return _defect(error, arguments)
        return error
    if isinstance(getattr(error, "exit_code", None), int) and hasattr(error, "format_message"):
        return _usage(error)
    if _is_database_error(error):
        return NodeUnavailable(
            f"数据库无法使用：{_first_line(error)}。请先执行 kunyu up；仍不行时执行 kunyu doctor。",
            f"The database is not available: {_first_line(error)}. Run kunyu up; if that fails, kunyu doctor.",
        )
    return _defect(error, arguments)


def _usage(error: BaseException) -> UsageError:
    said = error.format_message()  # type: ignore[attr-defined]
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "kunyu"
    return UsageError(f"{said} 用法见 {command} --help。", f"{said} See {command} --help.")


def _is_database_error(error: BaseException) -> bool:
    """Tell whether the database could not be reached, without importing a driver."""
    names = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    return bool(names & {"django.db.utils.OperationalError", "psycopg.OperationalError", "psycopg_pool.PoolTimeout"})


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _defect(error: BaseException, arguments: Sequence[str]) -> KunyuError:
    where = write_defect_report(error, arguments)
    return Defect(
        f"程序出现缺陷（{type(error).__name__}），报告已写入 {where}。请把它交给维护人员。",
        f"Kunyu has a defect ({type(error).__name__}); a report is in {where}. Please hand it to the maintainers.",
        report=str(where),
    )
