"""A version is known from the instant at which its publication is committed, not from the one at which it began.

The rows' ``known`` ranges begin when the publication begins (``rows_known_from``): rewriting them at the end would cost as
much as the load. At the commit the version is stamped under a lock; whoever asks what is believed *now* takes the same
lock shared for a moment (``catalogue_belief_now``), so no version with an earlier stamp is still uncommitted then.
"""

from django.db import migrations, models

LOCK = 0x6B794B46  # "kyKF"

FUNCTIONS = f"""
CREATE FUNCTION catalogue_belief_now() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  instant timestamptz;
BEGIN
  PERFORM pg_advisory_lock_shared({LOCK});
  instant := clock_timestamp();
  PERFORM pg_advisory_unlock_shared({LOCK});
  RETURN instant;
END $$;

CREATE FUNCTION catalogue_stamp_known_from() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- an instant given from outside (a restored state, a test) stands; that of this very publication was its beginning
  IF NEW.known_from < transaction_timestamp() THEN
    RETURN NULL;
  END IF;
  PERFORM pg_advisory_xact_lock({LOCK});
  UPDATE catalogue_datasetversion SET known_from = clock_timestamp() WHERE id = NEW.id;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER known_at_commit AFTER UPDATE OF status ON catalogue_datasetversion
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.status = 'published' AND OLD.status IS DISTINCT FROM 'published')
  EXECUTE FUNCTION catalogue_stamp_known_from();
"""
BACK = """
DROP TRIGGER known_at_commit ON catalogue_datasetversion;
DROP FUNCTION catalogue_stamp_known_from();
DROP FUNCTION catalogue_belief_now();
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0003_data_epoch")]

    operations = [
        migrations.AddField(
            model_name="datasetversion",
            name="rows_known_from",
            field=models.DateTimeField(
                help_text="instant its rows' known ranges begin at; None: known_from", null=True
            ),
        ),
        migrations.AlterField(
            model_name="datasetversion",
            name="known_from",
            field=models.DateTimeField(help_text="instant at which its publication was committed", null=True),
        ),
        migrations.RunSQL(FUNCTIONS, BACK),
    ]
