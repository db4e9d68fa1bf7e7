"""What a division changed stands beside its edition; a published edition stays as it is, whoever writes."""

from django.db import migrations, models

KEPT = """
CREATE FUNCTION matters_keep_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'draft' AND (TG_OP = 'DELETE' OR NEW.state = 'draft'
      OR (OLD.state = 'retired' AND NEW.state <> 'retired')
      OR (NEW.matter_id, NEW.number, NEW.division_code, NEW.digest, NEW.definition, NEW.flow, NEW.decisions, NEW.overlay,
          NEW.statutory_days, NEW.promised_days, NEW.made_by, NEW.made_at, NEW.published_by, NEW.published_at, NEW.reason)
      IS DISTINCT FROM
         (OLD.matter_id, OLD.number, OLD.division_code, OLD.digest, OLD.definition, OLD.flow, OLD.decisions, OLD.overlay,
          OLD.statutory_days, OLD.promised_days, OLD.made_by, OLD.made_at, OLD.published_by, OLD.published_at, OLD.reason))
  THEN
    RAISE EXCEPTION 'edition % of matter % is published and stays / 已发布的事项版本不再改动', OLD.number, OLD.matter_id
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER kept BEFORE UPDATE OR DELETE ON matters_matteredition
  FOR EACH ROW EXECUTE FUNCTION matters_keep_edition();
"""
NOT_KEPT = """
DROP TRIGGER kept ON matters_matteredition;
DROP FUNCTION matters_keep_edition();
"""


class Migration(migrations.Migration):
    dependencies = [("matters", "0004_where_flows_wait")]
    operations = [
        migrations.AddField(
            "matteredition",
            "overlay",
            models.JSONField(
                default=dict,
                help_text="what the division changed, by key; {} as shipped: carried over when the upper one changes",
            ),
        ),
        migrations.RunSQL(KEPT, NOT_KEPT),
    ]
