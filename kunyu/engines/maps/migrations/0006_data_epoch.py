"""Derived rows that come into force raise the data epoch (security 0011)."""

from django.db import migrations

TRIGGERS = """
CREATE CONSTRAINT TRIGGER data_changed AFTER INSERT OR UPDATE OR DELETE ON maps_pyramid
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION security_data_changed();
"""
BACK = """
DROP TRIGGER data_changed ON maps_pyramid;
"""


class Migration(migrations.Migration):
    dependencies = [("maps", "0005_pyramid_shares"), ("security", "0011_data_epoch")]

    operations = [migrations.RunSQL(TRIGGERS, BACK)]
