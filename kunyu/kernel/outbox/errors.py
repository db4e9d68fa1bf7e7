"""Errors of the outbox."""

from kunyu.kernel.errors import Defect


class EmittedOutsideTransaction(Defect):
    """An event would not share the fate of the change it tells of."""

    code = "outbox.outside_transaction"


class HandlersNotDeclared(Defect):
    """The setting that names the handlers is missing or names nothing usable."""

    code = "outbox.handlers_not_declared"
