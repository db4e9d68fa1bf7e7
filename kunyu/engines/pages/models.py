"""What pages remember for a person: views of lists, and forms already sent."""

from django.db import models


class SavedView(models.Model):
    """A list as one person likes to see it: filters, words, sorting and columns as a query string. 保存的视图.

    ``user_id`` is a number and no foreign key: this engine stands below the one that knows people.
    """

    user_id = models.BigIntegerField()
    listing = models.CharField(max_length=60, help_text="Listing.name")
    title = models.CharField(max_length=40)
    query = models.CharField(max_length=2000, blank=True, help_text="without page and format")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user_id", "listing", "title"], name="pages_view_title_once_per_person")
        ]

    def __str__(self) -> str:
        return self.title


class Submission(models.Model):
    """A form that was sent: the second click finds the first one here and makes nothing. 防重复提交.

    The row is written in the transaction of the act, so a second click waits for the first one's end.
    """

    user_id = models.BigIntegerField()
    token = models.CharField(max_length=40)
    url = models.CharField(max_length=400, blank=True, help_text="where the first click was sent on to")
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "token"], name="pages_submission_once")]
