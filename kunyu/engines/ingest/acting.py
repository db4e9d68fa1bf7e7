"""Who a job acts for, as that person is when the job runs: rights checked when it was queued may be gone. 后台作业的权限."""

from __future__ import annotations

from kunyu.engines.ingest import access
from kunyu.engines.ingest.errors import RightGone
from kunyu.engines.ingest.models import Delivery
from kunyu.engines.ingest.services import Reason, Status, change_status
from kunyu.engines.security import epochs
from kunyu.engines.security.errors import SignInNeeded
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import APPROVE, EDIT, OPERATOR, Principal, operator
from kunyu.engines.security.session import principal_of
from kunyu.kernel.errors import KunyuError

_GONE_ZH = "账号停用、岗位变动、授权撤销或到期"


def principal_now(name: str, origin: str, user_id: int | None = None) -> Principal:
    """The person with the rights that hold now; the node's operator where no account bears the name.

    Raises
    ------
    SignInNeeded
        The account is gone or disabled.
    """
    epochs.refresh()
    known = User.objects.filter(pk=user_id) if user_id is not None else User.objects.filter(username=name)
    user = known.first()
    if user is not None and user.is_active:
        return principal_of(user, origin)
    if user is None and user_id is None and name == OPERATOR:
        return operator(origin)
    raise SignInNeeded(f"账号 {name} 已停用或不存在。", f"Account {name} is disabled or gone.")


def deliverer(delivery: Delivery) -> Principal:
    """Whoever handed the delivery in, once his right to deliver is seen to hold still.

    Raises
    ------
    RightGone
    """
    try:
        principal = principal_now(delivery.created_by, "worker")
        access.require(principal, EDIT, delivery.standard_id, delivery.dataset_code, delivery.division_code)
    except KunyuError as error:
        raise RightGone(
            f"汇交人 {delivery.created_by} 已没有向区划 {delivery.division_code} 汇交的权限（{_GONE_ZH}），批次不再处理。"
            "请由有权限的人重新汇交。",
            f"{delivery.created_by} may not deliver for division {delivery.division_code} any more (account disabled, post "
            "left, grant revoked or expired): the delivery is not processed. Let somebody who may hand it in again.",
            cause=error.code,
        ) from error
    return principal


def publish_for(delivery_id: int, actor: str, origin: str, user_id: int | None) -> None:
    """Publish for a person whose right is looked up again; a refusal stands on the delivery, which stays accepted."""
    from kunyu.engines.ingest.publish import publish

    try:
        publish(delivery_id, _publisher(delivery_id, actor, origin, user_id))
    except RightGone as error:
        _record(delivery_id, Principal(actor, user_id=user_id, origin=origin), error)
    except KunyuError:
        return  # recorded on the delivery


def _publisher(delivery_id: int, actor: str, origin: str, user_id: int | None) -> Principal:
    try:
        principal = principal_now(actor, origin, user_id)
        access.actionable(principal, delivery_id, APPROVE)
    except KunyuError as error:
        raise RightGone(
            f"{actor} 已没有发布批次 {delivery_id} 的权限（{_GONE_ZH}），未发布，原数据不变。请由有权限的人重新发布。",
            f"{actor} may not publish delivery {delivery_id} any more (account disabled, post left, grant revoked or "
            "expired): nothing was published. Let somebody who may publish it.",
            cause=error.code,
        ) from error
    return principal


def _record(delivery_id: int, actor: Principal, error: KunyuError) -> None:
    try:
        change_status(delivery_id, Status.ACCEPTED, actor, Reason.of(error))
    except KunyuError:
        return  # it was published, rejected or taken back meanwhile: its own history says so
