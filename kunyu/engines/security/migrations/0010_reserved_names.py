"""Nobody's account bears a name that stands for somebody else: the operator, the public."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("security", "0009_audit_chain")]

    operations = [
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("username__in", ["operator", "anonymous", "public"]), _negated=True),
                name="user_name_is_not_reserved",
            ),
        ),
    ]
