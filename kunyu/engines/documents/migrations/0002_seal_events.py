"""What happened to seals and what they sealed: records that only grow. A seal itself is destroyed, never deleted."""

import django.db.models.deletion
from django.db import migrations, models

# row triggers only: the flush between tests empties tables by TRUNCATE, which no row trigger sees
ONLY_ADDED = """
CREATE FUNCTION documents_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'records of seals are kept: % on % is refused / 用印和印章记录只增不改', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON documents_sealuse
  FOR EACH ROW EXECUTE FUNCTION documents_refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON documents_sealevent
  FOR EACH ROW EXECUTE FUNCTION documents_refuse();
CREATE TRIGGER kept BEFORE DELETE ON documents_seal
  FOR EACH ROW EXECUTE FUNCTION documents_refuse();
"""
NOT_ONLY_ADDED = """
DROP TRIGGER append_only ON documents_sealuse;
DROP TRIGGER append_only ON documents_sealevent;
DROP TRIGGER kept ON documents_seal;
DROP FUNCTION documents_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="SealEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("act", models.CharField(help_text="made, approved, suspended, resumed, destroyed", max_length=12)),
                ("before", models.CharField(blank=True, max_length=10)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "待启用"), ("active", "在用"), ("suspended", "停用"), ("destroyed", "已销毁"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("actor", models.CharField(max_length=80)),
                ("at", models.DateTimeField()),
                (
                    "seal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="documents.seal"
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.AddField(
            model_name="seal",
            name="ses_seal_sm3",
            field=models.CharField(
                blank=True,
                default="",
                help_text="the seal as GB/T 38540 data, signed by its maker, in the object store",
                max_length=64,
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="sealuse",
            index=models.Index(fields=["document_sm3"], name="seal_use_document"),
        ),
        migrations.RunSQL(ONLY_ADDED, NOT_ONLY_ADDED),
    ]  # fmt: skip
