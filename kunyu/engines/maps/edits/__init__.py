"""OGC API – Features Part 4: features created, replaced, updated and deleted, each as a version. 在线编辑."""
