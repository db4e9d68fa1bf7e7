"""The command line. ``kunyu`` starts here; nothing is imported before the command is known."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    import sys

    from kunyu.project.cli.main import run

    sys.exit(run(sys.argv[1:]))
