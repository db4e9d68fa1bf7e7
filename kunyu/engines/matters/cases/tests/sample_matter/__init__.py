"""A folder that defines two matters for the tests of cases."""
