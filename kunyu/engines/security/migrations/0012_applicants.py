"""Accounts of the public, which the database keeps apart from grants, posts and duties. 申请人账号."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import kunyu.engines.security.personal_data

APART = """
CREATE FUNCTION security_keep_applicants_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- one change of what an account is at a time: two transactions must not each miss the other's row
  PERFORM pg_advisory_xact_lock(hashtextextended('security_applicant', NEW.user_id));
  IF TG_TABLE_NAME = 'security_applicantaccount' THEN
    IF EXISTS (SELECT 1 FROM security_grant WHERE user_id = NEW.user_id)
       OR EXISTS (SELECT 1 FROM security_appointment WHERE user_id = NEW.user_id)
       OR EXISTS (SELECT 1 FROM security_adminduty WHERE user_id = NEW.user_id) THEN
      RAISE EXCEPTION 'user % holds grants, posts or a duty and is no account of the public', NEW.user_id
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  ELSIF EXISTS (SELECT 1 FROM security_applicantaccount WHERE user_id = NEW.user_id) THEN
    RAISE EXCEPTION 'user % is an account of the public and holds neither grants, posts nor duties', NEW.user_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER applicants_apart BEFORE INSERT OR UPDATE OF user_id ON security_applicantaccount
  FOR EACH ROW EXECUTE FUNCTION security_keep_applicants_apart();
CREATE TRIGGER applicants_apart BEFORE INSERT OR UPDATE ON security_adminduty
  FOR EACH ROW EXECUTE FUNCTION security_keep_applicants_apart();
CREATE TRIGGER applicants_apart BEFORE INSERT OR UPDATE ON security_grant
  FOR EACH ROW WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION security_keep_applicants_apart();
CREATE TRIGGER applicants_apart BEFORE INSERT OR UPDATE ON security_appointment
  FOR EACH ROW EXECUTE FUNCTION security_keep_applicants_apart();
"""

TOGETHER = """
DROP TRIGGER applicants_apart ON security_applicantaccount;
DROP TRIGGER applicants_apart ON security_adminduty;
DROP TRIGGER applicants_apart ON security_grant;
DROP TRIGGER applicants_apart ON security_appointment;
DROP FUNCTION security_keep_applicants_apart();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("security", "0011_data_epoch"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApplicantAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("personal_key", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(choices=[("person", "自然人"), ("organisation", "法人或其他组织")], max_length=12),
                ),
                ("name", models.CharField(max_length=200)),
                ("agent_name", models.CharField(blank=True, help_text="who acts for an organisation", max_length=60)),
                (
                    "code",
                    kunyu.engines.security.personal_data.EncryptedText(help_text="citizen id or USCC"),
                ),
                (
                    "code_index",
                    kunyu.engines.security.personal_data.EqualityIndex(of="code"),
                ),
                ("code_masked", models.CharField(max_length=40)),
                (
                    "standing",
                    models.CharField(
                        choices=[("unverified", "未实名核验"), ("verified", "已实名核验")],
                        default="unverified",
                        max_length=12,
                    ),
                ),
                (
                    "verified_by",
                    models.CharField(blank=True, help_text="name of the identity provider", max_length=200),
                ),
                ("verified_at", models.DateTimeField(help_text="the last time it was asserted", null=True)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="applicant",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["code_index"], name="applicant_code_once"),
                    models.CheckConstraint(
                        condition=models.Q(("standing", "unverified"), ("verified_at", None))
                        | models.Q(("standing", "verified"), ("verified_at__isnull", False)),
                        name="applicant_verified_at_a_time",
                    ),
                ],
            },
        ),
        migrations.AlterField(
            model_name="signinsession",
            name="method",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "未登录"),
                    ("password", "密码"),
                    ("certificate", "数字证书"),
                    ("passkey", "通行密钥"),
                    ("national", "国家平台身份认证"),
                ],
                default="",
                max_length=12,
            ),
        ),
        migrations.RunSQL(APART, TOGETHER),
    ]
