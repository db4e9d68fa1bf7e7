"""Short messages: one small interface, and a simulator that says that it sends nothing. 短信.

No operator's gateway is built in: each needs a contract and a protocol of its own. A node names its adapter by dotted
path in ``KUNYU_SMS_ADAPTER``; adapters are called by jobs only.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from kunyu.engines.worklist.errors import NotSent
from kunyu.engines.worklist.settings import worklist_settings

SIMULATOR = "simulator"
MOST_LETTERS = 300


class SmsAdapter(Protocol):
    """What an operator's gateway must offer."""

    name: str

    def send(self, number: str, text: str, reference: str) -> None:
        """Hand one short message to the operator.

        Parameters
        ----------
        number : str
            Digits, with + for a country code.
        text : str
            At most `MOST_LETTERS` letters.
        reference : str
            The same at every attempt: a gateway that knows it must not send twice.

        Raises
        ------
        NotSent
            With the operator's reason; ``is_final`` when another attempt would fail the same way.
        """


class Simulator:
    """Writes to ``log/sms-simulator.jsonl`` in the state folder and sends nothing. 模拟器，不发送."""

    name = SIMULATOR

    def send(self, number: str, text: str, reference: str) -> None:
        """Add one line to the file."""
        path = Path(settings.KUNYU_HOME) / "log" / "sms-simulator.jsonl"
        line = {
            "simulated_not_sent": True,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "to": number,
            "text": text,
            "reference": reference,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as error:
            raise NotSent(f"短信模拟器无法写文件 {path}：{error}", f"Cannot write {path}: {error}") from error


@lru_cache(maxsize=4)
def _adapter(name: str) -> SmsAdapter:
    if name == SIMULATOR:
        return Simulator()
    try:
        made: SmsAdapter = import_string(name)()
    except ImportError as error:
        raise NotSent(
            f"短信适配器 {name} 不存在：请检查 KUNYU_SMS_ADAPTER。",
            f"There is no short message adapter {name}: check KUNYU_SMS_ADAPTER.",
            is_final=True,
        ) from error
    return made


def send_short_message(number: str, text: str, reference: str) -> str:
    """Send through the node's adapter; return its name. Raises NotSent."""
    name = worklist_settings().sms_adapter
    if not name:
        raise NotSent("本节点未配置短信适配器。", "This node has no short message adapter.", is_final=True)
    adapter = _adapter(name)
    adapter.send(number, text[:MOST_LETTERS], reference)
    return adapter.name
