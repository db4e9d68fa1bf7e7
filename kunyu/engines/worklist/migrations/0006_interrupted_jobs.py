"""How many runs in a row a job had: all but the last were interrupted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("worklist", "0005_notices_by_cause"),
    ]

    operations = [
        migrations.AddField(
            model_name="progress",
            name="attempts",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="runs in a row; all but the last were interrupted"
            ),
        ),
    ]
