"""Geometry columns of findings and images: PostGIS, EPSG:4490, lon/lat; geometry columns are plain SQL (decision 0002)."""

from django.db import migrations

ADD = """
ALTER TABLE ingest_finding ADD COLUMN geom geometry(Geometry, 4490);
CREATE INDEX ingest_finding_geom ON ingest_finding USING gist (geom);
ALTER TABLE ingest_rasteritem ADD COLUMN geom geometry(Polygon, 4490);
CREATE INDEX ingest_rasteritem_geom ON ingest_rasteritem USING gist (geom);
"""
DROP = """
ALTER TABLE ingest_finding DROP COLUMN geom;
ALTER TABLE ingest_rasteritem DROP COLUMN geom;
"""


class Migration(migrations.Migration):
    dependencies = [("ingest", "0001_initial")]
    operations = [migrations.RunSQL(ADD, DROP)]
