"""`python -m checker FOLDER`: check the history in a folder; README.md says what it holds."""

import sys
from pathlib import Path

from rich.console import Console

from checker.checks import judge
from checker.history import Unreadable, read_history
from checker.report import print_report, write_report


def main(arguments: list[str]) -> int:
    """The exit code: 0 for a clean history, 1 when something was found, 2 when the folder cannot be read."""
    if len(arguments) != 1:
        print("usage: python -m checker FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        judgement = judge(read_history(folder))
    except Unreadable as wrong:
        print(f"{folder}: {wrong}", file=sys.stderr)
        return 2
    write_report(judgement, folder / "report.json")
    print_report(judgement, Console())
    return 0 if judgement.is_clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
