"""Plots of approvals, EPSG:4490 (longitude, latitude); nothing of the register is deleted."""

from django.db import migrations

PLACES = """
ALTER TABLE projects_projectdocument ADD COLUMN plot geometry(MultiPolygon, 4490);
CREATE INDEX projects_projectdocument_plot ON projects_projectdocument USING gist (plot);
CREATE FUNCTION projects_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the register of projects is kept: % on % is refused / 项目登记只增不删', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER kept BEFORE DELETE ON projects_project FOR EACH ROW EXECUTE FUNCTION projects_refuse();
CREATE TRIGGER kept BEFORE DELETE ON projects_projectdocument FOR EACH ROW EXECUTE FUNCTION projects_refuse();
"""
NO_PLACES = """
ALTER TABLE projects_projectdocument DROP COLUMN plot;
DROP TRIGGER kept ON projects_project;
DROP TRIGGER kept ON projects_projectdocument;
DROP FUNCTION projects_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0001_initial")]
    operations = [migrations.RunSQL(PLACES, NO_PLACES)]
