"""Applicants' codes as encrypted fields, offices of other regions, numbers of cases, daily reconciliation."""

import uuid

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import kunyu.engines.security.personal_data


class Migration(migrations.Migration):
    dependencies = [
        ("matters", "0002_places_and_traces"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NationalReconciliation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(unique=True)),
                ("ours", models.JSONField(help_text="kind → messages delivered that day by this node's records")),
                ("theirs", models.JSONField(help_text="kind → messages the platform counted")),
                ("is_equal", models.BooleanField()),
                ("made_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["-day"],
            },
        ),
        migrations.RemoveIndex(
            model_name="nationalmessage",
            name="national_waiting",
        ),
        migrations.RemoveField(
            model_name="application",
            name="applicant_code_cipher",
        ),
        migrations.AddField(
            model_name="application",
            name="applicant_code",
            field=kunyu.engines.security.personal_data.EncryptedText(
                help_text="USCC or citizen id: plain on the instance, encrypted in the column"
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="counter_county",
            field=models.CharField(
                blank=True, help_text="county whose counter took it; empty: the applicant applied himself", max_length=6
            ),
        ),
        migrations.AddField(
            model_name="application",
            name="personal_key",
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AddField(
            model_name="case",
            name="is_with_partner",
            field=models.BooleanField(default=False, help_text="the partner's office works on it now"),
        ),
        migrations.AddField(
            model_name="case",
            name="partner_county",
            field=models.CharField(
                blank=True,
                help_text="another region whose office takes part (异地受理、移交): it sees the case",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="nationalmessage",
            name="due_at",
            field=models.DateTimeField(default=django.utils.timezone.now, help_text="not tried before this instant"),
        ),
        migrations.AlterField(
            model_name="application",
            name="applicant_code_index",
            field=kunyu.engines.security.personal_data.EqualityIndex(db_index=True, of="applicant_code"),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("closed_at", None)), fields=["due_on", "id"], name="case_due_anywhere"
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("partner_county", ""), _negated=True),
                fields=["partner_county", "-id"],
                name="case_partner",
            ),
        ),
        migrations.AddIndex(
            model_name="nationalmessage",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["due_at", "id"], name="national_waiting"
            ),
        ),
        # numbers of cases: six digits that come round after a million; the day and county stand before them
        migrations.RunSQL(
            "CREATE SEQUENCE matters_case_number MINVALUE 1 MAXVALUE 999999 CYCLE",
            "DROP SEQUENCE matters_case_number",
        ),
    ]
