"""The acts of cases, by one import: the only way a case changes. 办件操作.

Each act is one transaction: the row locked, the revision compared, rights and separation of duties required, state, flow
and clock moved, trace, tasks, audit entry and event written — all of it or nothing.
"""

from kunyu.engines.matters.cases.applying import application_of, begin, discard, plot_of, save, submit
from kunyu.engines.matters.cases.checks import check_again
from kunyu.engines.matters.cases.closing import correct_licence, licence_of, revoke, withdraw
from kunyu.engines.matters.cases.deciding import decide
from kunyu.engines.matters.cases.handling import act
from kunyu.engines.matters.cases.hands import assign, claim, hand_over
from kunyu.engines.matters.cases.offices import move_to_office
from kunyu.engines.matters.cases.pausing import answer_correction, pause, request_correction, resume
from kunyu.engines.matters.cases.sealing import seal_decision
from kunyu.engines.matters.cases.supervising import supervise

__all__ = [
    "act",
    "answer_correction",
    "application_of",
    "assign",
    "begin",
    "check_again",
    "claim",
    "correct_licence",
    "decide",
    "discard",
    "hand_over",
    "licence_of",
    "move_to_office",
    "pause",
    "plot_of",
    "request_correction",
    "resume",
    "revoke",
    "save",
    "seal_decision",
    "submit",
    "supervise",
    "withdraw",
]
