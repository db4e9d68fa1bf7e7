"""Automatic checks: named rules with three-valued answers. 自动核验规则."""
