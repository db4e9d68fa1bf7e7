"""Publishing, opening and describing data raise the data epoch (security 0011)."""

from django.db import migrations

TRIGGERS = """
CREATE CONSTRAINT TRIGGER data_changed AFTER INSERT OR UPDATE OR DELETE ON catalogue_datasetversion
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION security_data_changed();
CREATE CONSTRAINT TRIGGER data_changed AFTER INSERT OR UPDATE OR DELETE ON catalogue_dataset
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION security_data_changed();
CREATE CONSTRAINT TRIGGER data_changed AFTER INSERT OR UPDATE OR DELETE ON catalogue_layer
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION security_data_changed();
"""
BACK = """
DROP TRIGGER data_changed ON catalogue_datasetversion;
DROP TRIGGER data_changed ON catalogue_dataset;
DROP TRIGGER data_changed ON catalogue_layer;
"""


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0002_row_labels"), ("security", "0011_data_epoch")]

    operations = [migrations.RunSQL(TRIGGERS, BACK)]
