"""The second compiler takes the whole tree, warnings and all: what only g++ accepts would stop clang-tidy and the fuzzers."""

import os
import shutil
import subprocess
import sys

import tree


def main():
    if not shutil.which("clang++-14"):
        tree.skip("clang++-14 is not installed")
    for command in (["cmake", "--preset", "clang"], ["cmake", "--build", "--preset", "clang", "-j", str(os.cpu_count())]):
        run = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
        if run.returncode:
            wrong = [line for line in (run.stdout + run.stderr).splitlines() if "error:" in line]
            print("\n".join(wrong[:40]) or run.stdout[-4000:] + run.stderr[-2000:])
            sys.exit(1)
    print("built with clang")


if __name__ == "__main__":
    main()
