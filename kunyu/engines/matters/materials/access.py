"""Who may see and who may change the materials of an application. 材料权限.

Whoever applies changes them in a draft and while a correction is asked for; the office that handles the case adds what
comes to its counter while the case runs. Whoever sees the application or one of its cases sees its materials.
"""

from __future__ import annotations

from kunyu.engines.matters.cases import applying, people
from kunyu.engines.matters.errors import NotYourStep, UnknownCase, WrongStep
from kunyu.engines.matters.models import Application, Case, Material
from kunyu.engines.security import scope
from kunyu.engines.security.scope import Principal
from kunyu.kernel.errors import NotFound


class UnknownMaterial(NotFound):
    """No material of this number, or not for this person: the same answer."""

    code = "matters.unknown_material"
    title_zh, title_en = "没有这份材料", "No such material"


def seen_application(principal: Principal, application_id: int) -> Application:
    """The application, for whoever applies or sees one of its cases. Raises UnknownCase."""
    one = Application.objects.filter(pk=application_id).first()
    if one is None or not (applying.is_mine(principal, one) or _sees_a_case(principal, one)):
        raise _unknown(application_id)
    return one


def seen_material(principal: Principal, material_id: int) -> Material:
    """The material, for whoever sees its application. Raises UnknownMaterial."""
    found = Material.objects.select_related("application").filter(pk=material_id).first()
    if found is not None and (
        applying.is_mine(principal, found.application) or _sees_a_case(principal, found.application)
    ):
        return found
    raise unknown_material(material_id)


def changed_application(principal: Principal, application_id: int) -> Application:
    """The application, locked, for whoever may change its materials now.

    Raises
    ------
    UnknownCase, WrongStep, NotYourStep
    """
    one = Application.objects.select_for_update().filter(pk=application_id).first()
    if one is None:
        raise _unknown(application_id)
    cases = list(Case.objects.filter(application=one))
    if applying.is_mine(principal, one):
        is_correcting = any(case.state == Case.State.CORRECTING for case in cases)
        if one.state == Application.State.DRAFT or is_correcting:
            return one
    running = [case for case in cases if case.closed_at is None and case.state != Case.State.DECIDED]
    if any(_handles(principal, case) for case in running):
        return one
    if not applying.is_mine(principal, one) and not _sees_a_case(principal, one):
        raise _unknown(application_id)
    if applying.is_mine(principal, one) or not running:
        raise WrongStep(
            f"申请 {one.pk}“{one.get_state_display()}”，此时不能再交材料；需要补正时由受理人员告知。",
            f"Application {one.pk} is {one.state}: no materials are taken now; the office asks for corrections.",
            application=one.pk,
        )
    raise NotYourStep(
        f"您可以查看申请 {one.pk} 的材料，但没有办理权限，不能增加或更换。",
        f"You may see the materials of application {one.pk} but do not handle it: you cannot add or replace any.",
        application=one.pk,
    )


def _handles(principal: Principal, case: Case) -> bool:
    return people.holds(principal, case, scope.EDIT) and not people.is_applicant(principal, case)


def _sees_a_case(principal: Principal, one: Application) -> bool:
    return any(people.may_see(principal, case) for case in Case.objects.filter(application=one))


def unknown_material(material_id: object) -> UnknownMaterial:
    return UnknownMaterial(
        f"没有材料 {material_id}，或者您无权查看。", f"There is no material {material_id}, or you may not see it."
    )


def _unknown(given: object) -> UnknownCase:
    return UnknownCase(
        f"没有申请 {given}，或者您无权查看。", f"There is no application {given}, or you may not see it."
    )
