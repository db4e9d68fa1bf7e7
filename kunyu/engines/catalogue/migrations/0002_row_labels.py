"""Layer tables made before records bore labels get the column."""

from django.db import migrations

ADD_LABELS = """
DO $$
DECLARE
  layer regclass;
BEGIN
  FOR layer IN
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'onemap' AND c.relkind = 'p'
  LOOP
    EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS label smallint NOT NULL DEFAULT 0', layer);
  END LOOP;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]

    operations = [migrations.RunSQL(ADD_LABELS, migrations.RunSQL.noop)]
