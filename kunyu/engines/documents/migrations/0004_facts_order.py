"""The order in which facts stand on a licence."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("documents", "0003_licence_holders_and_rights"),
    ]

    operations = [
        migrations.AddField(
            model_name="licence",
            name="facts_order",
            field=models.JSONField(
                default=list, help_text="names of the facts as they stand on paper: jsonb sorts its keys"
            ),
        ),
    ]
