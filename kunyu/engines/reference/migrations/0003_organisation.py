"""The organisation tree; the table it takes the place of was never written to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reference", "0002_boundary_geometry")]

    operations = [
        migrations.DeleteModel(name="Organisation"),
        migrations.CreateModel(
            name="Organisation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(help_text="local code; its own USCC where it has one", max_length=24, unique=True),
                ),
                (
                    "uscc",
                    models.CharField(
                        blank=True, help_text="GB 32100 unified social credit code", max_length=18, null=True,
                        unique=True,
                    ),
                ),
                ("name_zh", models.CharField(max_length=120)),
                ("name_en", models.CharField(blank=True, max_length=160)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("bureau", "自然资源主管部门"),
                            ("department", "内设机构"),
                            ("unit", "直属（技术）单位"),
                            ("outside", "外部单位"),
                        ],
                        max_length=12,
                    ),
                ),
                ("path", models.CharField(blank=True, db_index=True, max_length=200)),
                ("division_code", models.CharField(blank=True, max_length=12)),
                ("position", models.PositiveIntegerField(default=0)),
                ("closed_on", models.DateField(blank=True, null=True)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="children",
                        to="reference.organisation",
                    ),
                ),
            ],
            options={"ordering": ["path"]},
        ),
    ]  # fmt: skip
