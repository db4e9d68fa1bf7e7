"""What rights, labels and reach are, in SQL: one definition for Python and for row security.

Functions
---------
``security_label_mask(secrecy, grading, sharing)``
    54-bit set of the labels under a ceiling (``labels.under``).
``security_rows_within(dataset, allowed)``
    Labels that rows of a dataset may bear so that both together are allowed (``labels.rows_within``).
``security_rights(user)``
    Grants of a person and of the roles of the posts held today, label sets cut by the clearance.
``security_reach_everywhere(collection)``, ``security_reach(collection, table)``
    For row security: what ``kunyu.principal`` of the connection may read, for all counties and county by county.

Every change of what they read raises ``security_nodestate``; the clock is in the number so that none comes twice.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION security_label_mask(secrecy integer, grading integer, sharing integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT bit_or(1::bigint << (a * 9 + b * 3 + c))
  FROM generate_series(0, secrecy) a, generate_series(0, grading) b, generate_series(0, sharing) c
$$;

CREATE FUNCTION security_rows_within(dataset integer, allowed bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(bit_or(1::bigint << r), 0) FROM generate_series(0, 53) r
  WHERE (allowed >> (greatest(dataset / 9, r / 9) * 9 + greatest(dataset / 3 % 3, r / 3 % 3) * 3
                     + greatest(dataset % 3, r % 3))) & 1 = 1
$$;

ALTER TABLE security_grant ADD COLUMN labels bigint NOT NULL
  GENERATED ALWAYS AS (security_label_mask(max_secrecy, max_grading, max_sharing)) STORED;

CREATE FUNCTION security_rights(who bigint)
RETURNS TABLE (branch text, division text, action text, labels bigint, reveals text[], until timestamptz)
LANGUAGE sql STABLE AS $$
  WITH me AS (
    SELECT id, security_label_mask(2 + clearance, 2, 2) AS cleared, (now() AT TIME ZONE 'Asia/Shanghai')::date AS today
    FROM security_user WHERE id = who AND is_active
  )
  SELECT g.branch::text, g.division_prefix::text, g.action::text, g.labels & me.cleared, g.reveals::text[],
         g.expires_at
  FROM me JOIN security_grant g ON g.user_id = me.id
  WHERE g.expires_at IS NULL OR g.expires_at > now()
  UNION ALL
  SELECT g.branch::text,
         CASE WHEN g.within_post AND NOT starts_with(g.division_prefix, o.division_code) THEN o.division_code
              ELSE g.division_prefix END::text,
         g.action::text, g.labels & me.cleared, g.reveals::text[], g.expires_at
  FROM me
  JOIN security_appointment a ON a.user_id = me.id AND a.starts_on <= me.today
       AND (a.ends_on IS NULL OR a.ends_on >= me.today)
  JOIN security_post p ON p.id = a.post_id AND (p.closed_on IS NULL OR p.closed_on > me.today)
  JOIN reference_organisation o ON o.id = p.organisation_id AND (o.closed_on IS NULL OR o.closed_on > me.today)
  JOIN security_post_roles pr ON pr.post_id = p.id
  JOIN security_grant g ON g.role_id = pr.role_id
  WHERE (g.expires_at IS NULL OR g.expires_at > now())
    AND (NOT g.within_post OR starts_with(o.division_code, g.division_prefix)
         OR starts_with(g.division_prefix, o.division_code))
$$;

CREATE FUNCTION security_dataset_label(collection_wanted text) RETURNS integer
LANGUAGE sql STABLE AS $$
  SELECT coalesce((
    SELECT secrecy * 9 + grading * 3 + sharing FROM security_label
    WHERE state = 'approved' AND collection IN (collection_wanted, split_part(collection_wanted, '.', 1))
    ORDER BY length(collection) DESC LIMIT 1), 19)
$$;

CREATE FUNCTION security_zone_labels() RETURNS bigint
LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT nullif(zone_labels, 0) FROM security_nodestate), security_label_mask(2, 2, 2))
$$;

CREATE FUNCTION security_reach_everywhere(collection_wanted text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  who text := nullif(current_setting('kunyu.principal', true), '');
  base integer := security_dataset_label(collection_wanted);
  zone bigint := security_zone_labels();
  found bigint := CASE WHEN base = 0 AND who IS NOT NULL THEN 1 ELSE 0 END;
BEGIN
  IF who = 'operator' THEN
    RETURN security_rows_within(base, zone);
  ELSIF who IS NULL OR who = 'public' THEN
    RETURN found;
  END IF;
  RETURN found | security_rows_within(base, zone & coalesce((
    SELECT bit_or(r.labels) FROM security_rights(who::bigint) r
    WHERE r.division = '' AND r.action IN ('query', 'download') AND starts_with(collection_wanted, r.branch)), 0));
END
$$;

CREATE FUNCTION security_reach(collection_wanted text, layer_table oid) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  who text := nullif(current_setting('kunyu.principal', true), '');
  base integer := security_dataset_label(collection_wanted);
  zone bigint := security_zone_labels();
BEGIN
  IF who IS NULL OR who IN ('operator', 'public') THEN
    RETURN '{}';
  END IF;
  RETURN coalesce((
    SELECT jsonb_object_agg(c.county, security_rows_within(base, c.allowed))
    FROM (
      SELECT right(t.relname, 6) AS county, bit_or(r.labels) & zone AS allowed
      FROM pg_inherits i JOIN pg_class t ON t.oid = i.inhrelid
      JOIN (
        SELECT division, bit_or(labels) AS labels FROM security_rights(who::bigint)
        WHERE action IN ('query', 'download') AND starts_with(collection_wanted, branch) GROUP BY division
      ) r ON starts_with(right(t.relname, 6), r.division)
      WHERE i.inhparent = layer_table
      GROUP BY 1
    ) c), '{}');
END
$$;
"""

CHANGES = """
CREATE FUNCTION security_rights_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO security_nodestate (id, rights_epoch, labels_epoch, zone, zone_labels)
  VALUES (1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint, 1, 'business', 0)
  ON CONFLICT (id) DO UPDATE SET rights_epoch =
    greatest(security_nodestate.rights_epoch + 1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint);
  RETURN NULL;
END
$$;

CREATE FUNCTION security_labels_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO security_nodestate (id, rights_epoch, labels_epoch, zone, zone_labels)
  VALUES (1, 1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint, 'business', 0)
  ON CONFLICT (id) DO UPDATE SET labels_epoch =
    greatest(security_nodestate.labels_epoch + 1, (extract(epoch FROM clock_timestamp()) * 1e6)::bigint);
  RETURN NULL;
END
$$;

CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON security_grant
  FOR EACH STATEMENT EXECUTE FUNCTION security_rights_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON security_appointment
  FOR EACH STATEMENT EXECUTE FUNCTION security_rights_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON security_post
  FOR EACH STATEMENT EXECUTE FUNCTION security_rights_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON security_post_roles
  FOR EACH STATEMENT EXECUTE FUNCTION security_rights_changed();
CREATE TRIGGER rights_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON security_adminduty
  FOR EACH STATEMENT EXECUTE FUNCTION security_rights_changed();
CREATE TRIGGER rights_changed AFTER DELETE OR TRUNCATE OR UPDATE OF is_active, clearance ON security_user
  FOR EACH STATEMENT EXECUTE FUNCTION security_rights_changed();
CREATE TRIGGER rights_changed AFTER DELETE OR TRUNCATE OR UPDATE OF division_code, closed_on ON reference_organisation
  FOR EACH STATEMENT EXECUTE FUNCTION security_rights_changed();
CREATE TRIGGER labels_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON security_label
  FOR EACH STATEMENT EXECUTE FUNCTION security_labels_changed();
"""

THREE_ADMINISTRATORS = """
CREATE FUNCTION security_keep_duties_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'security_adminduty' THEN
    IF EXISTS (SELECT 1 FROM security_grant WHERE user_id = NEW.user_id) OR EXISTS (
        SELECT 1 FROM security_appointment WHERE user_id = NEW.user_id AND (ends_on IS NULL OR ends_on >= current_date))
    THEN
      RAISE EXCEPTION 'user % holds grants or posts and cannot be an administrator', NEW.user_id
        USING ERRCODE = 'integrity_constraint_violation';
    END IF;
  ELSIF EXISTS (SELECT 1 FROM security_adminduty WHERE user_id = NEW.user_id) THEN
    RAISE EXCEPTION 'user % is an administrator and holds neither grants nor posts', NEW.user_id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER duties_apart BEFORE INSERT OR UPDATE ON security_adminduty
  FOR EACH ROW EXECUTE FUNCTION security_keep_duties_apart();
CREATE TRIGGER duties_apart BEFORE INSERT OR UPDATE ON security_grant
  FOR EACH ROW WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION security_keep_duties_apart();
CREATE TRIGGER duties_apart BEFORE INSERT OR UPDATE ON security_appointment
  FOR EACH ROW EXECUTE FUNCTION security_keep_duties_apart();
"""

FIRST_ROW = """
INSERT INTO security_nodestate (id, rights_epoch, labels_epoch, zone, zone_labels) VALUES (1, 1, 1, 'business', 0)
ON CONFLICT (id) DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("security", "0002_trust"), ("reference", "0003_organisation")]

    operations = [
        migrations.RunSQL(statements, migrations.RunSQL.noop)
        for statements in (FUNCTIONS, CHANGES, THREE_ADMINISTRATORS, FIRST_ROW)
    ]
