"""Addresses of verification (public) and of the register of licences."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from kunyu.engines.documents import pages, verify_pages


class FormConverter(StringConverter):
    """The forms a licence is kept in."""

    regex = "pdf|ofd"


class ActConverter(StringConverter):
    """What may be done to a licence on its page."""

    regex = "suspend|resume"


register_converter(FormConverter, "licence_form")
register_converter(ActConverter, "licence_act")

urlpatterns = [
    path("verify/", verify_pages.ask, name="verify"),
    path("verify/<str:number>", verify_pages.one, name="verify-number"),
    path("licences/", pages.licences, name="licences"),
    path("licences/<int:licence_id>", pages.one, name="licence"),
    path("licences/<int:licence_id>/file.<licence_form:form>", pages.file, name="licence-file"),
    path("licences/<int:licence_id>/<licence_act:act>", pages.step, name="licence-step"),
]
