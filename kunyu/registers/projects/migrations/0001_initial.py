import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("documents", "0003_licence_holders_and_rights"),
        ("parties", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Project",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=24, unique=True)),
                ("name", models.CharField(blank=True, max_length=300)),
                ("division_code", models.CharField(max_length=12)),
                ("created_by", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "investor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="projects",
                        to="parties.party",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="ProjectDocument",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        help_text="the cause: entered again it is the same document", max_length=160, unique=True
                    ),
                ),
                (
                    "project_code_stated",
                    models.CharField(blank=True, help_text="as the document itself says", max_length=40),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("review", "用地预审与选址意见书"),
                            ("project", "项目批准、核准、备案文件"),
                            ("conversion", "农用地转用批准文件"),
                            ("expropriation", "土地征收批准文件"),
                            ("supply", "划拨决定书或出让合同"),
                            ("land_permit", "建设用地规划许可证"),
                            ("works_permit", "建设工程规划许可证"),
                            ("rural_permit", "乡村建设规划许可证"),
                            ("acceptance", "规划核实意见"),
                            ("other", "其他"),
                        ],
                        max_length=16,
                    ),
                ),
                ("number", models.CharField(max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("issuing", "制证中"),
                            ("valid", "有效"),
                            ("suspended", "挂起"),
                            ("expired", "过期"),
                            ("replaced", "已换发"),
                            ("revoked", "已撤销"),
                        ],
                        default="valid",
                        max_length=10,
                    ),
                ),
                ("issuer_zh", models.CharField(blank=True, max_length=200)),
                ("issued_on", models.DateField()),
                ("ended_on", models.DateField(help_text="day it was revoked or replaced", null=True)),
                ("division_code", models.CharField(max_length=12)),
                ("area_m2", models.FloatField(null=True)),
                ("plot_area_m2", models.FloatField(null=True)),
                ("use_zh", models.CharField(blank=True, max_length=100)),
                (
                    "previous_number",
                    models.CharField(blank=True, help_text="the earlier document, as this one names it", max_length=80),
                ),
                (
                    "feature",
                    models.CharField(blank=True, help_text="BSM of its plot in the layer of approvals", max_length=18),
                ),
                ("entered_by", models.CharField(max_length=80)),
                ("entered_at", models.DateTimeField(auto_now_add=True)),
                (
                    "licence",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="documents.licence"
                    ),
                ),
                (
                    "previous",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="following",
                        to="projects.projectdocument",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "ordering": ["issued_on", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="project",
            index=models.Index(fields=["division_code", "-id"], name="projects_pr_divisio_96988f_idx"),
        ),
        migrations.AddIndex(
            model_name="projectdocument",
            index=models.Index(fields=["number"], name="projects_pr_number_88d69e_idx"),
        ),
        migrations.AddIndex(
            model_name="projectdocument",
            index=models.Index(
                condition=models.Q(("feature", ""), _negated=True), fields=["feature"], name="projects_feature"
            ),
        ),
        migrations.AddIndex(
            model_name="projectdocument",
            index=models.Index(fields=["division_code", "-id"], name="projects_pr_divisio_ca66e5_idx"),
        ),
        migrations.AddConstraint(
            model_name="projectdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("area_m2", None), ("area_m2__gt", 0), _connector="OR"),
                name="project_document_area_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="projectdocument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("previous", None), models.Q(("previous", models.F("id")), _negated=True), _connector="OR"
                ),
                name="project_document_not_its_own_previous",
            ),
        ),
    ]
