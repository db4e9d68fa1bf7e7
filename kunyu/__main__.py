"""``python -m kunyu`` is the ``kunyu`` command."""

from kunyu.project.cli import main

main()
