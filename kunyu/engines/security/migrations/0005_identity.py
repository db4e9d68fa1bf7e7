"""Factors, sessions, failures and personal fields of people who sign in."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import kunyu.engines.security.personal_data

PERSONAL_KEY = """
ALTER TABLE security_user ADD COLUMN personal_key uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE;
ALTER TABLE security_user ALTER COLUMN personal_key DROP DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("security", "0004_right_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="actions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=10), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="administration",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="branch",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="hint",
            field=models.CharField(blank=True, help_text="its last letters, to tell tokens apart", max_length=8),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="last_origin",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="last_used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="revoked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="document",
            field=kunyu.engines.security.personal_data.EncryptedText(),
        ),
        migrations.AddField(
            model_name="user",
            name="document_index",
            field=kunyu.engines.security.personal_data.EqualityIndex(db_index=True, of="document"),
        ),
        migrations.AddField(
            model_name="user",
            name="mail",
            field=kunyu.engines.security.personal_data.EncryptedText(),
        ),
        migrations.AddField(
            model_name="user",
            name="mail_index",
            field=kunyu.engines.security.personal_data.EqualityIndex(db_index=True, of="mail"),
        ),
        migrations.AddField(
            model_name="user",
            name="must_change_password",
            field=models.BooleanField(
                default=False, help_text="set by an administrator: the person chooses another at the first sign-in"
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="password_changed_at",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        # one key per row: a default computed in Python would be the same for all
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(PERSONAL_KEY, "ALTER TABLE security_user DROP COLUMN personal_key")],
            state_operations=[
                migrations.AddField(
                    model_name="user",
                    name="personal_key",
                    field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
                ),
            ],
        ),
        migrations.AddField(
            model_name="user",
            name="phone",
            field=kunyu.engines.security.personal_data.EncryptedText(),
        ),
        migrations.AddField(
            model_name="user",
            name="phone_index",
            field=kunyu.engines.security.personal_data.EqualityIndex(db_index=True, of="phone"),
        ),
        migrations.CreateModel(
            name="Authenticator",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("personal_key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("secret", kunyu.engines.security.personal_data.EncryptedText(key_name="accounts/secrets")),
                (
                    "confirmed_at",
                    models.DateTimeField(help_text="NULL: enrolment was begun, no code was shown yet", null=True),
                ),
                ("last_step", models.BigIntegerField(default=0, help_text="the newest step used: no code opens twice")),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="authenticator",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BoundCertificate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "fingerprint",
                    models.CharField(help_text="SM3 of the certificate in DER", max_length=64, unique=True),
                ),
                ("subject", models.CharField(max_length=300)),
                ("issuer", models.CharField(max_length=300)),
                ("serial", models.CharField(help_text="hexadecimal", max_length=64)),
                ("not_after", models.DateTimeField()),
                ("bound_by", models.CharField(max_length=80)),
                ("bound_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="certificates",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("credential_id", models.BinaryField(max_length=1023, unique=True)),
                ("public_key", models.BinaryField()),
                ("sign_count", models.BigIntegerField(default=0)),
                ("name", models.CharField(max_length=60)),
                ("rp_id", models.CharField(help_text="the host it belongs to", max_length=253)),
                ("is_synced", models.BooleanField(default=False)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PasswordHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=200)),
                ("replaced_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_passwords",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RevokedCertificate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issuer", models.CharField(max_length=300)),
                ("serial", models.CharField(help_text="hexadecimal", max_length=64)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("revoked_by", models.CharField(max_length=80)),
                ("revoked_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("issuer", "serial"), name="certificate_revoked_once")],
            },
        ),
        migrations.CreateModel(
            name="SignInFailures",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(help_text="account, origin or token", max_length=10)),
                ("subject", models.CharField(max_length=64)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
                ("locked_until", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("kind", "subject"), name="failures_once_per_subject")],
            },
        ),
        migrations.CreateModel(
            name="SignInSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_digest", models.CharField(max_length=64, unique=True)),
                (
                    "data",
                    models.JSONField(default=dict, help_text="what pages keep: open forms, a pending second step"),
                ),
                (
                    "method",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "未登录"),
                            ("password", "密码"),
                            ("certificate", "数字证书"),
                            ("passkey", "通行密钥"),
                        ],
                        default="",
                        max_length=12,
                    ),
                ),
                ("two_factors", models.BooleanField(default=False, help_text="two different factors were shown")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "confirmed_at",
                    models.DateTimeField(help_text="when the person last proved himself: step-up", null=True),
                ),
                ("ends_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("end_reason", models.CharField(blank=True, max_length=40)),
                ("origin", models.CharField(blank=True, max_length=80)),
                ("agent", models.CharField(blank=True, max_length=200)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sign_in_sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SignInChallenge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("purpose", models.CharField(max_length=20)),
                ("value", models.CharField(max_length=128)),
                ("expires_at", models.DateTimeField()),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="challenges",
                        to="security.signinsession",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "digest"), name="recovery_code_once")],
            },
        ),
        migrations.AddIndex(
            model_name="signinsession",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["user"], name="session_open_by_user"
            ),
        ),
        migrations.AddIndex(
            model_name="signinsession",
            index=models.Index(fields=["ends_at"], name="session_by_end"),
        ),
        migrations.AddIndex(
            model_name="signinchallenge",
            index=models.Index(fields=["session", "purpose"], name="challenge_of_session"),
        ),
    ]
