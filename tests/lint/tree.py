"""The source tree, as the lints see it."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_RETURN_CODE = 77
CODE_FOLDERS = ("filters", "lua", "proxy", "tests")
_LEFT_OUT = {"build", ".git", "__pycache__"}


def files(root=ROOT, suffixes=None, below=None):
    """Paths relative to root, sorted; build folders and caches left out."""
    found = []
    for top in below or [""]:
        for folder, names, leaves in os.walk(Path(root) / top):
            names[:] = [n for n in names if n not in _LEFT_OUT]
            for leaf in leaves:
                path = Path(folder, leaf)
                if suffixes is None or path.suffix in suffixes:
                    found.append(path.relative_to(root))
    return sorted(found)


def lines(path, root=ROOT):
    """(number, text) of each line; no lines for a file that is not text."""
    try:
        text = (Path(root) / path).read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return []
    return list(enumerate(text.splitlines(), 1))


def finish(problems, looked_at):
    """Prints the problems and exits 1 if there are any."""
    for problem in problems:
        print(problem)
    print(f"{looked_at}: {len(problems)} problem{'' if len(problems) == 1 else 's'}")
    sys.exit(1 if problems else 0)


def skip(why):
    print("skipped:", why)
    sys.exit(SKIPPED_RETURN_CODE)
