"""Geometry columns (PostGIS, EPSG:4490, lon/lat; decision 0002) and triggers: histories are only ever added to."""

from django.db import migrations

ADD = """
ALTER TABLE field_evidence_evidencetask ADD COLUMN geom geometry(MultiPolygon, 4490);
CREATE INDEX field_evidence_evidencetask_geom ON field_evidence_evidencetask USING gist (geom);
ALTER TABLE field_evidence_evidencephoto ADD COLUMN geom geometry(Point, 4490);
ALTER TABLE field_evidence_evidencephoto ADD COLUMN cone geometry(Polygon, 4490);
CREATE INDEX field_evidence_evidencephoto_geom ON field_evidence_evidencephoto USING gist (geom);

CREATE FUNCTION field_evidence_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is only ever added to (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON field_evidence_evidenceevent
  FOR EACH ROW EXECUTE FUNCTION field_evidence_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON field_evidence_evidenceimport
  FOR EACH ROW EXECUTE FUNCTION field_evidence_append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON field_evidence_photocheck
  FOR EACH ROW EXECUTE FUNCTION field_evidence_append_only();
"""
DROP = """
DROP TRIGGER append_only ON field_evidence_evidenceevent;
DROP TRIGGER append_only ON field_evidence_evidenceimport;
DROP TRIGGER append_only ON field_evidence_photocheck;
DROP FUNCTION field_evidence_append_only();
ALTER TABLE field_evidence_evidencetask DROP COLUMN geom;
ALTER TABLE field_evidence_evidencephoto DROP COLUMN geom, DROP COLUMN cone;
"""


class Migration(migrations.Migration):
    dependencies = [("field_evidence", "0001_initial")]
    operations = [migrations.RunSQL(ADD, DROP)]
