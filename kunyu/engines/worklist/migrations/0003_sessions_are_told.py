"""Tell the events process at once when a session ends or an account is disabled: its pages stop listening."""

from django.db import migrations

SQL = """
CREATE FUNCTION worklist_session_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('kunyu_live', json_build_object('u', json_build_array(OLD.user_id), 'w', 'session')::text);
  RETURN NULL;
END $$;
CREATE TRIGGER worklist_session_ended AFTER UPDATE OF ended_at ON security_signinsession FOR EACH ROW
  WHEN (OLD.user_id IS NOT NULL AND OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
  EXECUTE FUNCTION worklist_session_ended();
CREATE TRIGGER worklist_session_deleted AFTER DELETE ON security_signinsession FOR EACH ROW
  WHEN (OLD.user_id IS NOT NULL AND OLD.ended_at IS NULL) EXECUTE FUNCTION worklist_session_ended();
CREATE FUNCTION worklist_account_disabled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('kunyu_live', json_build_object('u', json_build_array(OLD.id), 'w', 'session')::text);
  RETURN NULL;
END $$;
CREATE TRIGGER worklist_account_disabled AFTER UPDATE OF is_active ON security_user FOR EACH ROW
  WHEN (OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION worklist_account_disabled();
"""
BACK = """
DROP TRIGGER worklist_account_disabled ON security_user;
DROP FUNCTION worklist_account_disabled();
DROP TRIGGER worklist_session_deleted ON security_signinsession;
DROP TRIGGER worklist_session_ended ON security_signinsession;
DROP FUNCTION worklist_session_ended();
"""


class Migration(migrations.Migration):
    dependencies = [("worklist", "0002_candidates"), ("security", "0005_identity")]
    operations = [migrations.RunSQL(SQL, BACK)]
