"""Find the matters bound to a network zone without reading every definition. 分网办理的事项."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("matters", "0006_standing_of_applicants"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="matteredition",
            index=models.Index(
                condition=models.Q(("definition__has_key", "zones"), ("division_code", ""), ("state", "published")),
                fields=["matter"],
                name="matter_edition_bound_to_zones",
            ),
        ),
    ]
