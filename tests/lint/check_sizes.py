"""Files stay small enough to read in one sitting, and nothing in the tree names a machine."""

import re

import tree

MAX_LINES = 450
CODE = {".cc", ".h", ".py", ".lua", ".sh"}
# Trees are cloned to other places and installed without a network: neither a developer's folders nor a registry's host.
PLACES = re.compile(r"/root/|/home/[a-z]|\b(deb|security|registry|proxy|archive|index)\.[a-z]+\.(org|com)\b")
# Data as it came, and this pattern.
NOT_READ = ("tests/fuzz/seeds/", "tests/lint/check_sizes.py", "LICENSE")


def check(root=tree.ROOT):
    problems = []
    paths = [p for p in tree.files(root) if not p.as_posix().startswith(NOT_READ)]
    for path in paths:
        lines = tree.lines(path, root)
        if path.suffix in CODE and len(lines) > MAX_LINES:
            problems.append(f"{path}:{len(lines)}: {len(lines)} lines, at most {MAX_LINES}: split it")
        for number, text in lines:
            if PLACES.search(text):
                problems.append(f"{path}:{number}: names a place outside the tree: {PLACES.search(text).group()}")
    return problems, paths


if __name__ == "__main__":
    found, looked_at = check()
    tree.finish(found, f"sizes of {len(looked_at)} files")
