"""Refusals of the page furniture."""

from kunyu.kernel.errors import KunyuError, UsageError


class TooManyRows(KunyuError):
    """An export of more rows than one file may hold."""

    code = "too_many_rows"
    title_zh, title_en = "行数过多", "Too many rows"
    http_status = 413
    exit_code = 4


class FormExpired(UsageError):
    """A form without the token that its page carried: the page is too old or was not ours."""

    code = "form_expired"
    title_zh, title_en = "表单已过期", "The form has expired"


class TooManyViews(UsageError):
    """More saved views of one list than fit on a page."""

    code = "too_many_views"
    title_zh, title_en = "保存的视图过多", "Too many saved views"
