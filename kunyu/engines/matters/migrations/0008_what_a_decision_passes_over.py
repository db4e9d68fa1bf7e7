"""Keep with a decision which open answers it passed over. 决定所越过的未核验项."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("matters", "0007_matters_of_zones"),
    ]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="passed_over",
            field=models.JSONField(
                default=list, help_text="answers not checked and conflicts it was made against, by rule"
            ),
        ),
    ]
