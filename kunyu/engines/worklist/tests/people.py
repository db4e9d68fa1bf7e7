"""Who acts in the tests of the worklist, and the task they act on."""

from __future__ import annotations

from kunyu.engines.security import epochs
from kunyu.engines.security.models import User
from kunyu.engines.security.scope import Principal
from kunyu.engines.security.session import principal_of
from kunyu.engines.worklist.services import NewTask, Subject

COUNTY = "990101"
DATASET = "10401-003"


def acting(user: User) -> Principal:
    """The principal of a user with the rights that hold now."""
    epochs.forget()
    return principal_of(User.objects.get(pk=user.pk), "test")


def delivery_task(key: str = "delivery-approval:7", **more: object) -> NewTask:
    """A task that whoever may approve the dataset in the county may take."""
    values: dict[str, object] = {
        "key": key,
        "kind": "delivery_approval",
        "subject": Subject("delivery", "7", "汇交 7 待审核发布", "Delivery 7 awaits approval", "/deliveries/7"),
        "division": COUNTY,
        "collections": (DATASET,),
    }
    return NewTask(**{**values, **more})  # type: ignore[arg-type]
