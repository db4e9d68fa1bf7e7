"""Records of the engine: editions of matters; applications, cases and what was done in them; materials; checks."""

from kunyu.engines.matters.models.cases import (
    Application,
    Case,
    CaseEvent,
    CaseFlow,
    Decision,
    Opinion,
    Pause,
)
from kunyu.engines.matters.models.checks import Check, CheckAnswer
from kunyu.engines.matters.models.definitions import Matter, MatterEdition
from kunyu.engines.matters.models.materials import Material
from kunyu.engines.matters.models.messages import NationalMessage, NationalReconciliation

__all__ = [
    "Application",
    "Case",
    "CaseEvent",
    "CaseFlow",
    "Check",
    "CheckAnswer",
    "Decision",
    "Material",
    "Matter",
    "MatterEdition",
    "NationalMessage",
    "NationalReconciliation",
    "Opinion",
    "Pause",
]
