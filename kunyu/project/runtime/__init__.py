"""What ``kunyu up`` runs: the private database, the child processes, backups and the doctor."""
