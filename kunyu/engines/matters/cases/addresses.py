"""How addresses name a case: ``<case_number:number>``, for officers under ``/cases/`` and applicants under ``/hall/``."""

from django.urls import register_converter


class Named:
    """What stands in an address as it is."""

    def to_python(self, value: str) -> str:
        """The text itself."""
        return value

    def to_url(self, value: str) -> str:
        """The text itself."""
        return value


class CaseNumber(Named):
    """Begins with the county's digits, so that no word is taken for a number."""

    regex = r"\d[0-9A-Za-z\-]{5,63}"


register_converter(CaseNumber, "case_number")
