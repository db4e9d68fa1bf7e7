import uuid

import django.db.models.deletion
from django.db import migrations, models

import kunyu.engines.security.personal_data


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Party",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("personal_key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(choices=[("person", "自然人"), ("organisation", "法人或其他组织")], max_length=12),
                ),
                ("name", models.CharField(max_length=200)),
                ("former_names", models.JSONField(default=list, help_text="names it bore before, newest last")),
                ("code", kunyu.engines.security.personal_data.EncryptedText(help_text="citizen id or USCC")),
                ("code_index", kunyu.engines.security.personal_data.EqualityIndex(db_index=True, of="code")),
                ("code_masked", models.CharField(blank=True, max_length=40)),
                ("contact", models.CharField(blank=True, help_text="whom to ask at an organisation", max_length=100)),
                ("phone", kunyu.engines.security.personal_data.EncryptedText()),
                ("phone_index", kunyu.engines.security.personal_data.EqualityIndex(db_index=True, of="phone")),
                ("created_by", models.CharField(max_length=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "merged_into",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merged",
                        to="parties.party",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="PartyLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("role", models.CharField(help_text="applicant, holder, investor, proxy", max_length=20)),
                (
                    "subject",
                    models.CharField(
                        help_text="e.g. case:990101202611230001, licence:12, project:2026-…", max_length=120
                    ),
                ),
                ("shown", models.CharField(blank=True, help_text="number of the thing, for lists", max_length=200)),
                ("branch", models.CharField(max_length=60)),
                ("division_code", models.CharField(max_length=12)),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="links", to="parties.party"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.UniqueConstraint(
                condition=models.Q(("merged_into", None)), fields=("code_index",), name="party_code_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("merged_into", None), models.Q(("merged_into", models.F("id")), _negated=True), _connector="OR"
                ),
                name="party_not_merged_into_itself",
            ),
        ),
        migrations.AddIndex(
            model_name="partylink",
            index=models.Index(fields=["branch", "division_code"], name="parties_par_branch_5189e0_idx"),
        ),
        migrations.AddIndex(
            model_name="partylink",
            index=models.Index(fields=["subject"], name="parties_par_subject_eace58_idx"),
        ),
        migrations.AddConstraint(
            model_name="partylink",
            constraint=models.UniqueConstraint(fields=("party", "role", "subject"), name="party_link_once"),
        ),
    ]
