"""clang-format has nothing to change."""

import shutil
import subprocess

import tree


def main():
    tool = shutil.which("clang-format-14")
    if not tool:
        tree.skip("clang-format-14 is not installed")
    paths = tree.files(suffixes={".cc", ".h"}, below=tree.CODE_FOLDERS)
    problems = []
    for start in range(0, len(paths), 40):
        some = [str(p) for p in paths[start:start + 40]]
        run = subprocess.run([tool, "--dry-run", "-Werror", *some], cwd=tree.ROOT, capture_output=True, text=True, check=False)
        problems += sorted({line.split(": error:")[0] for line in run.stderr.splitlines() if ": error:" in line})
        if run.returncode and not problems:
            problems.append(run.stderr.strip())
    first = {p.split(":")[0]: p for p in reversed(problems)}
    tree.finish([f"{place}: clang-format -i would change it" for place in sorted(first.values())], f"format of {len(paths)} files")


if __name__ == "__main__":
    main()
