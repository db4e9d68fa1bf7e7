"""The root of every error Kunyu raises on purpose. 错误的根.

An error carries a stable ``code``, says what happened in Chinese and in English, and knows what a web server
(RFC 9457 problem document) and a command line (exit code) must answer. Engines derive their own classes in their
``errors.py``; the ready-made classes below cover the six answers the contract knows.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar


class KunyuError(Exception):
    """An error a user can understand.

    Parameters
    ----------
    detail_zh, detail_en : str
        Complete sentences: which record, the measured value, the limit, what to do.
    **context
        Facts for programs (record ids, values, limits), answered beside the sentences.

    Attributes
    ----------
    code : str
        Stable name; programs may compare it. Never reused for another meaning.
    http_status : int
        Status of the problem document.
    exit_code : int
        Exit code of the command line.
    """

    code: ClassVar[str] = "kunyu.error"
    title_zh: ClassVar[str] = "错误"
    title_en: ClassVar[str] = "Error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 70

    def __init__(self, detail_zh: str, detail_en: str, **context: Any) -> None:
        super().__init__(detail_zh, detail_en)
        self.detail_zh = detail_zh
        self.detail_en = detail_en
        self.context = context

    def __str__(self) -> str:
        return f"{self.code}: {self.detail_zh} / {self.detail_en}"

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would lose the context when an error crosses a process boundary (task workers, multiprocessing).
        return _rebuild, (type(self), self.detail_zh, self.detail_en, self.context)

    def problem(self) -> dict[str, Any]:
        """Return the RFC 9457 problem document, as JSON-ready values."""
        return {
            "type": f"urn:kunyu:error:{self.code}",
            "title": f"{self.title_zh} / {self.title_en}",
            "status": self.http_status,
            "detail": f"{self.detail_zh} / {self.detail_en}",
            "code": self.code,
            "detail_zh": self.detail_zh,
            "detail_en": self.detail_en,
            "context": {name: _plain(value) for name, value in self.context.items()},
        }


def _rebuild(kind: type[KunyuError], detail_zh: str, detail_en: str, context: dict[str, Any]) -> KunyuError:
    error = kind.__new__(kind)
    KunyuError.__init__(error, detail_zh, detail_en, **context)
    return error


def _plain(value: Any) -> Any:
    """Return ``value`` as something JSON can hold; whatever it cannot hold becomes its text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item) for item in value), key=str)
    return str(value)


class UsageError(KunyuError):
    """The caller asked for something that does not exist or makes no sense. 用法错误."""

    code = "usage"
    title_zh, title_en = "用法错误", "Wrong usage"
    http_status, exit_code = 400, 2


class UnreadableInput(KunyuError):
    """A file or value could not be read at all. 输入无法读取."""

    code = "unreadable_input"
    title_zh, title_en = "输入无法读取", "Input unreadable"
    http_status, exit_code = 422, 3


class Refused(KunyuError):
    """A rule or a permission forbids it. 拒绝."""

    code = "refused"
    title_zh, title_en = "操作被拒绝", "Refused"
    http_status, exit_code = 403, 4


class NotFound(KunyuError):
    """It does not exist, or the caller may not know that it does. 未找到."""

    code = "not_found"
    title_zh, title_en = "未找到", "Not found"
    http_status, exit_code = 404, 4


class NodeUnavailable(KunyuError):
    """The node, its database or its disk is not available now. 节点不可用."""

    code = "node_unavailable"
    title_zh, title_en = "节点不可用", "Node unavailable"
    http_status, exit_code = 503, 5


class Defect(KunyuError):
    """A defect of Kunyu itself. 程序缺陷."""

    code = "defect"
    title_zh, title_en = "程序缺陷", "Defect"
    http_status, exit_code = 500, 70
