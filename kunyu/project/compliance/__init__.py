"""The node's own answer to the checklist of classified protection (等保2.0 三级) and cryptography (密评): from what runs now."""
