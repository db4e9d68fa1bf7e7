"""What an exception is about, and who withdrew it: a withdrawal does not hide who had confirmed."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ingest", "0004_exceptions_and_verifications")]

    operations = [
        migrations.AddField(
            "findingexception",
            "delivery",
            models.ForeignKey(
                help_text="in whose check it was found", null=True, on_delete=django.db.models.deletion.PROTECT,
                related_name="exceptions", to="ingest.delivery",
            ),
        ),
        migrations.AddField("findingexception", "severity", models.CharField(blank=True, max_length=1)),
        migrations.AddField("findingexception", "measured", models.CharField(blank=True, max_length=80)),
        migrations.AddField("findingexception", "limit", models.CharField(blank=True, max_length=80)),
        migrations.AddField("findingexception", "unit", models.CharField(blank=True, max_length=20)),
        migrations.AddField("findingexception", "withdrawn_by", models.CharField(blank=True, max_length=80)),
        migrations.AddField("findingexception", "withdrawn_at", models.DateTimeField(null=True)),
        migrations.AddField("findingexception", "withdrawal_reason", models.TextField(blank=True)),
    ]  # fmt: skip
