"""What row security asks for each query, planned once per connection instead of once per query.

A function in SQL that cannot be inlined is parsed and planned at every query that calls it. The same text in plpgsql keeps
its plan; the labels within a set are arithmetic instead of a series of 54 rows. The meaning is the same.
"""

from django.db import migrations

STATEMENTS = """
CREATE OR REPLACE FUNCTION security_row_identity() RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  who text := current_setting('kunyu.principal', true);
BEGIN
  RETURN CASE WHEN who ~ '^(operator|public|[0-9]{1,18})$' THEN who END;
END
$$;

CREATE OR REPLACE FUNCTION security_prefixes(code text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  found text[];
BEGIN
  FOR n IN 0 .. length(code) LOOP
    found := found || left(code, n);
  END LOOP;
  RETURN found;
END
$$;

CREATE OR REPLACE FUNCTION security_dataset_label(collection_wanted text) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce((
    SELECT secrecy * 9 + grading * 3 + sharing FROM security_label
    WHERE state = 'approved' AND collection IN (collection_wanted, split_part(collection_wanted, '.', 1))
    ORDER BY length(collection) DESC LIMIT 1), 19);
END
$$;

CREATE OR REPLACE FUNCTION security_zone_labels() RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN coalesce((SELECT nullif(zone_labels, 0) FROM security_nodestate), security_label_mask(2, 2, 2));
END
$$;

-- A label is secrecy * 9 + grading * 3 + sharing, a set has one bit for each. A row label is in the answer when its join
-- with the dataset's is allowed: what lies below the dataset's in one of the three is as the dataset's is.
CREATE OR REPLACE FUNCTION security_rows_within(dataset integer, allowed bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  found bigint := coalesce(allowed, 0) & ((1::bigint << 54) - 1);
  planes bigint := ((1::bigint << 54) - 1) / 511;  -- the first label of each secrecy
  groups bigint := ((1::bigint << 54) - 1) / 7;    -- the first label of each grading
  below integer := dataset / 9 * 9;
BEGIN
  found := CASE dataset % 3
    WHEN 0 THEN found
    WHEN 1 THEN (found & ~groups) | ((found >> 1) & groups)
    ELSE ((found >> 2) & groups) * 7
  END;
  found := CASE dataset / 3 % 3
    WHEN 0 THEN found
    WHEN 1 THEN (found & ~(planes * 7)) | ((found >> 3) & (planes * 7))
    ELSE ((found >> 6) & (planes * 7)) * 73
  END;
  RETURN (found & ~((1::bigint << below) - 1)) | ((found >> below) & 511) * (((1::bigint << below) - 1) / 511);
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("security", "0012_applicants")]

    operations = [migrations.RunSQL(STATEMENTS, migrations.RunSQL.noop)]
