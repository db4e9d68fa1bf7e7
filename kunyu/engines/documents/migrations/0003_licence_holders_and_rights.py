"""Holders' codes encrypted, the branch whose rights decide, the plot, records that only grow."""

import uuid

from django.db import migrations, models

import kunyu.engines.security.personal_data

PLOT = """
ALTER TABLE documents_licence ADD COLUMN plot geometry(MultiPolygon, 4490);
CREATE FUNCTION documents_refuse_licences() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'records of licences are kept: % on % is refused / 证照与其变更记录只增不删', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON documents_licenceevent
  FOR EACH ROW EXECUTE FUNCTION documents_refuse_licences();
CREATE TRIGGER kept BEFORE DELETE ON documents_licence
  FOR EACH ROW EXECUTE FUNCTION documents_refuse_licences();
"""
NO_PLOT = """
ALTER TABLE documents_licence DROP COLUMN plot;
DROP TRIGGER append_only ON documents_licenceevent;
DROP TRIGGER kept ON documents_licence;
DROP FUNCTION documents_refuse_licences();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("documents", "0002_seal_events"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="licence",
            name="licence_holder",
        ),
        migrations.AddField(
            model_name="licence",
            name="branch",
            field=models.CharField(
                blank=True, help_text="catalogue code whose rights decide who sees it", max_length=60
            ),
        ),
        migrations.AddField(
            model_name="licence",
            name="holder_code",
            field=kunyu.engines.security.personal_data.EncryptedText(),
        ),
        migrations.AddField(
            model_name="licence",
            name="personal_key",
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        migrations.AlterField(
            model_name="licence",
            name="holder_code_index",
            field=kunyu.engines.security.personal_data.EqualityIndex(db_index=True, of="holder_code"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["sm3"], name="document_sm3"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("proof", ""), _negated=True), fields=["proof"], name="document_proof"
            ),
        ),
        migrations.AddIndex(
            model_name="licence",
            index=models.Index(
                condition=models.Q(("state__in", ["valid", "suspended"])), fields=["valid_to"], name="licence_ends"
            ),
        ),
        migrations.RunSQL(PLOT, NO_PLOT),
    ]
