"""One number that rises whenever data are published or opened: what ready answers are keyed by. 数据时点.

The trigger function is put on tables of the engines above by their own migrations. It is deferred to the end of the
transaction, so a long publication does not hold the one row; and it raises the number once per transaction.
"""

from django.db import migrations, models

CHANGES = """
CREATE FUNCTION security_data_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('kunyu.data_epoch_raised_in', true) = pg_current_xact_id()::text THEN
    RETURN NULL;
  END IF;
  PERFORM set_config('kunyu.data_epoch_raised_in', pg_current_xact_id()::text, true);
  UPDATE security_nodestate SET data_epoch =
    greatest(data_epoch + 1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint);
  RETURN NULL;
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("security", "0010_reserved_names")]

    operations = [
        migrations.AddField(
            model_name="nodestate", name="data_epoch", field=models.BigIntegerField(db_default=1, default=1)
        ),
        migrations.RunSQL(CHANGES, "DROP FUNCTION security_data_changed()"),
    ]
