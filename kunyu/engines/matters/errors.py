"""Errors of the engine of cases. A person reads what is wrong, where, and what to do."""

from kunyu.kernel.errors import NodeUnavailable, NotFound, Refused, UsageError


class BadMatter(UsageError):
    """The definition of a matter contradicts itself or names what is not there."""

    code = "matters.bad_definition"
    title_zh, title_en = "事项定义有误", "Bad definition of a matter"


class BadFlow(UsageError):
    """A flow file cannot be run: unreadable, a loop without a person in it, a forbidden expression, an unknown task."""

    code = "matters.bad_flow"
    title_zh, title_en = "流程文件有误", "Bad flow"


class FlowStopped(Refused):
    """A running flow cannot go on: a fact is missing or of another kind, no way is open, a decision table fails."""

    code = "matters.flow_stopped"
    http_status = 409
    title_zh, title_en = "流程无法继续", "The flow cannot go on"


class FlowMismatch(Refused):
    """The stored state of a flow is damaged, or belongs to another flow than the one given."""

    code = "matters.flow_mismatch"
    http_status = 409
    title_zh, title_en = "流程状态与流程不符", "State and flow do not fit"


class BadFacts(UsageError):
    """Facts given to a flow are no plain values, or too large."""

    code = "matters.bad_facts"
    title_zh, title_en = "流程数据有误", "Bad facts for a flow"


class UnknownRule(NotFound):
    """No pack declares this rule."""

    code = "matters.unknown_rule"
    title_zh, title_en = "没有这条规则", "No such rule"


class UnknownMatter(NotFound):
    """No matter of this code is in the catalogue."""

    code = "matters.unknown_matter"
    title_zh, title_en = "没有这个事项", "No such matter"


class UnknownCase(NotFound):
    """No case of this number, or not for this person: the same answer."""

    code = "matters.unknown_case"
    title_zh, title_en = "没有这个办件", "No such case"


class WrongStep(Refused):
    """The act does not fit the state of the case."""

    code = "matters.wrong_step"
    http_status = 409
    title_zh, title_en = "此时不能这样办理", "Not at this step"


class StaleRevision(Refused):
    """Somebody changed the case since the page was opened."""

    code = "matters.stale"
    http_status = 409
    title_zh, title_en = "办件已有变化", "Changed meanwhile"


class NotYourStep(Refused):
    """Another person or role acts at this step; or the separation of duties forbids it."""

    code = "matters.not_your_step"
    title_zh, title_en = "不由您办理", "Not yours to do"


class OverrideNeeded(Refused):
    """An answer is *not checked*, and nobody entitled has said why the decision may stand on it."""

    code = "matters.override_needed"
    http_status = 409
    title_zh, title_en = "有未核验项", "Something was not checked"


class BadForm(UsageError):
    """Answers do not fit the form; ``faults`` names each field."""

    code = "matters.bad_form"
    http_status = 422
    title_zh, title_en = "表单填写有误", "The form is not filled in right"


class BadMaterial(UsageError):
    """An uploaded file cannot be taken: too large, encrypted, carrying scripts, not what it says."""

    code = "matters.bad_material"
    http_status = 422
    title_zh, title_en = "材料不能接收", "Material refused"


class NationalRefused(Refused):
    """The national platform refused a message for good: it goes to the list of errors."""

    code = "matters.national_refused"
    http_status = 422
    title_zh, title_en = "平台退回", "Refused by the platform"


class NationalUnreachable(NodeUnavailable):
    """The national platform did not answer: the message is sent again later."""

    code = "matters.national_unreachable"
    title_zh, title_en = "平台未应答", "The platform did not answer"


class NotArchived(NotFound):
    """The case is not closed yet, or its package has not been made."""

    code = "matters.not_archived"
    title_zh, title_en = "尚未归档", "Not archived yet"
