import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("matters", "0003_numbers_partners_and_reconciliation"),
    ]

    operations = [
        migrations.AddField(
            model_name="caseflow",
            name="end",
            field=models.CharField(blank=True, help_text="end event it reached; empty: it still runs", max_length=60),
        ),
        migrations.AddField(
            model_name="caseflow",
            name="passed",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=60),
                default=list,
                help_text="elements passed, for its drawing",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="caseflow",
            name="waiting",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=60),
                default=list,
                help_text="codes of the stages it waits for",
                size=None,
            ),
        ),
    ]
