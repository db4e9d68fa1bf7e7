"""Sessions end in the statement that ends their reason, whoever runs it.

A changed password, a disabled account, a post given up and an administrator's duty that changes hands end every open
session of the person. An appointment that runs out by the calendar is ended by the nightly job.
"""

from django.db import migrations

ENDING = """
CREATE FUNCTION security_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  who bigint;
  why text;
BEGIN
  IF TG_TABLE_NAME = 'security_user' THEN
    who := NEW.id;
    why := CASE WHEN NEW.is_active THEN 'password_changed' ELSE 'disabled' END;
  ELSE
    who := OLD.user_id;
    why := CASE TG_TABLE_NAME WHEN 'security_adminduty' THEN 'duty_changed' ELSE 'left_post' END;
  END IF;
  UPDATE security_signinsession SET ended_at = clock_timestamp(), end_reason = why
  WHERE user_id = who AND ended_at IS NULL;
  RETURN NULL;
END
$$;

CREATE TRIGGER sessions_end AFTER UPDATE OF password, is_active ON security_user FOR EACH ROW
  WHEN (OLD.password IS DISTINCT FROM NEW.password OR (OLD.is_active AND NOT NEW.is_active))
  EXECUTE FUNCTION security_end_sessions();
CREATE TRIGGER sessions_end_with_post AFTER UPDATE OF ends_on ON security_appointment FOR EACH ROW
  WHEN (NEW.ends_on IS NOT NULL AND NEW.ends_on IS DISTINCT FROM OLD.ends_on
        AND NEW.ends_on <= (now() AT TIME ZONE 'Asia/Shanghai')::date)
  EXECUTE FUNCTION security_end_sessions();
CREATE TRIGGER sessions_end_with_lost_post AFTER DELETE ON security_appointment
  FOR EACH ROW EXECUTE FUNCTION security_end_sessions();
CREATE TRIGGER sessions_end_with_duty AFTER UPDATE OR DELETE ON security_adminduty
  FOR EACH ROW EXECUTE FUNCTION security_end_sessions();
"""
BACK = """
DROP TRIGGER sessions_end ON security_user;
DROP TRIGGER sessions_end_with_post ON security_appointment;
DROP TRIGGER sessions_end_with_lost_post ON security_appointment;
DROP TRIGGER sessions_end_with_duty ON security_adminduty;
DROP FUNCTION security_end_sessions();
"""


class Migration(migrations.Migration):
    dependencies = [("security", "0005_identity")]

    operations = [migrations.RunSQL(ENDING, BACK)]
