"""举证与核查 Field evidence."""
