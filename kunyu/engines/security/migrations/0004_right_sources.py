"""Where each right comes from, in SQL, for explanations and for lists of who may do what.

``security_right_sources()`` names every grant reaching every person with the conditions it hangs on;
``security_rights(user)`` (migration 0003) stays what decides. A view stands over the function so that lists read it as
a table; it hangs on the function only, so the tables beneath may change their columns.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SOURCES = """
CREATE FUNCTION security_right_sources()
RETURNS TABLE (
  id text, user_id bigint, grant_id bigint, role_id bigint, post_id bigint, appointment_id bigint, branch text,
  division text, action text, labels bigint, cleared bigint, allowed bigint, reveals text[], expires_at timestamptz,
  is_active boolean, is_unexpired boolean, is_appointed boolean, is_post_open boolean, is_within boolean, holds boolean
) LANGUAGE sql STABLE AS $$
  SELECT g.id || ':0', u.id, g.id, NULL::bigint, NULL::bigint, NULL::bigint, g.branch::text, g.division_prefix::text,
         g.action::text, g.labels, security_label_mask(2 + u.clearance, 2, 2),
         g.labels & security_label_mask(2 + u.clearance, 2, 2), g.reveals::text[], g.expires_at,
         u.is_active, g.expires_at IS NULL OR g.expires_at > now(), true, true, true,
         u.is_active AND (g.expires_at IS NULL OR g.expires_at > now())
  FROM security_grant g JOIN security_user u ON u.id = g.user_id
  UNION ALL
  SELECT g.id || ':' || a.id, u.id, g.id, g.role_id, p.id, a.id, g.branch::text,
         CASE WHEN g.within_post AND NOT starts_with(g.division_prefix, o.division_code) THEN o.division_code
              ELSE g.division_prefix END::text,
         g.action::text, g.labels, security_label_mask(2 + u.clearance, 2, 2),
         g.labels & security_label_mask(2 + u.clearance, 2, 2), g.reveals::text[], g.expires_at,
         u.is_active, g.expires_at IS NULL OR g.expires_at > now(),
         a.starts_on <= (now() AT TIME ZONE 'Asia/Shanghai')::date
           AND (a.ends_on IS NULL OR a.ends_on >= (now() AT TIME ZONE 'Asia/Shanghai')::date),
         (p.closed_on IS NULL OR p.closed_on > (now() AT TIME ZONE 'Asia/Shanghai')::date)
           AND (o.closed_on IS NULL OR o.closed_on > (now() AT TIME ZONE 'Asia/Shanghai')::date),
         NOT g.within_post OR starts_with(o.division_code, g.division_prefix)
           OR starts_with(g.division_prefix, o.division_code),
         u.is_active AND (g.expires_at IS NULL OR g.expires_at > now())
           AND a.starts_on <= (now() AT TIME ZONE 'Asia/Shanghai')::date
           AND (a.ends_on IS NULL OR a.ends_on >= (now() AT TIME ZONE 'Asia/Shanghai')::date)
           AND (p.closed_on IS NULL OR p.closed_on > (now() AT TIME ZONE 'Asia/Shanghai')::date)
           AND (o.closed_on IS NULL OR o.closed_on > (now() AT TIME ZONE 'Asia/Shanghai')::date)
           AND (NOT g.within_post OR starts_with(o.division_code, g.division_prefix)
                OR starts_with(g.division_prefix, o.division_code))
  FROM security_appointment a
  JOIN security_user u ON u.id = a.user_id
  JOIN security_post p ON p.id = a.post_id
  JOIN reference_organisation o ON o.id = p.organisation_id
  JOIN security_post_roles pr ON pr.post_id = p.id
  JOIN security_grant g ON g.role_id = pr.role_id
$$;
CREATE VIEW security_right_source AS SELECT * FROM security_right_sources();
"""
GONE = "DROP VIEW security_right_source; DROP FUNCTION security_right_sources();"


def _elsewhere(model: str, **options: bool) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to=model, **options
    )


class Migration(migrations.Migration):
    dependencies = [("security", "0003_rights_in_sql")]

    operations = [
        migrations.AddField(
            model_name="grant",
            name="reminded_at",
            field=models.DateTimeField(blank=True, help_text="when its coming end was announced", null=True),
        ),
        migrations.AddIndex(model_name="grant", index=models.Index(fields=["branch"], name="grant_branch")),
        migrations.RunSQL(SOURCES, GONE),
        migrations.CreateModel(
            name="RightSource",
            fields=[
                (
                    "id",
                    models.CharField(
                        help_text="grant:appointment, appointment 0 when direct",
                        max_length=60,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("branch", models.CharField(max_length=40)),
                ("division", models.CharField(max_length=12)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("see", "看见"),
                            ("query", "查询"),
                            ("download", "下载"),
                            ("edit", "汇交"),
                            ("approve", "审核发布"),
                        ],
                        max_length=10,
                    ),
                ),
                ("labels", models.BigIntegerField()),
                ("cleared", models.BigIntegerField()),
                ("allowed", models.BigIntegerField()),
                (
                    "reveals",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=12), size=None),
                ),
                ("expires_at", models.DateTimeField(null=True)),
                ("is_active", models.BooleanField(help_text="the account is enabled")),
                ("is_unexpired", models.BooleanField(help_text="the grant has not expired")),
                ("is_appointed", models.BooleanField(help_text="today lies in the appointment")),
                ("is_post_open", models.BooleanField(help_text="neither the post nor its organisation is closed")),
                ("is_within", models.BooleanField(help_text="the grant and the division of the post meet")),
                ("holds", models.BooleanField()),
                ("user", _elsewhere(settings.AUTH_USER_MODEL)),
                ("grant", _elsewhere("security.grant")),
                ("role", _elsewhere("security.role", null=True)),
                ("post", _elsewhere("security.post", null=True)),
                ("appointment", _elsewhere("security.appointment", null=True)),
            ],
            options={"db_table": "security_right_source", "managed": False},
        ),
    ]
