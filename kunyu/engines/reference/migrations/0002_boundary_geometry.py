"""The geometry column of boundaries: PostGIS, EPSG:4490, lon/lat; geometry columns are plain SQL (decision 0002)."""

from django.db import migrations

ADD = """
ALTER TABLE reference_divisionboundary ADD COLUMN geom geometry(Geometry, 4490) NOT NULL;
CREATE INDEX reference_divisionboundary_geom ON reference_divisionboundary USING gist (geom);
"""
DROP = "ALTER TABLE reference_divisionboundary DROP COLUMN geom;"


class Migration(migrations.Migration):
    dependencies = [("reference", "0001_initial")]
    operations = [migrations.RunSQL(ADD, DROP)]
