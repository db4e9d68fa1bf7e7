"""Whether the identity of who applies was verified, as it was known at submission. 实名核验状态."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("matters", "0005_editions_stay"),
    ]

    operations = [
        migrations.AddField(
            model_name="application",
            name="applicant_standing",
            field=models.CharField(
                blank=True,
                default="",
                help_text="of the identity when it was submitted: verified, unverified; empty: taken at a counter, or not submitted",
                max_length=12,
            ),
            preserve_default=False,
        ),
    ]
