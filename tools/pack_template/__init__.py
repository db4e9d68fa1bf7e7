"""{name_zh} {name_en}."""
