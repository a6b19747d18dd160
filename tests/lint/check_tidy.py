"""clang-tidy over every source of a build, newest first. What was found good is remembered by a hash of all that it was made
from, so that a second run looks only at what changed. When the time is up the rest is named and the exit status is 77."""

import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import tree


def dependencies(build):
    """Source -> the files of this tree that it was compiled from, as ninja recorded them."""
    run = subprocess.run(["ninja", "-C", str(build), "-t", "deps"], capture_output=True, text=True, check=False)
    found, current = {}, []
    for line in run.stdout.splitlines():
        if not line.startswith("    "):
            current = []
            continue
        path = (Path(build) / line.strip()).resolve()
        current.append(path)
        found.setdefault(current[0], current)
    return {source: [p for p in parts if p.is_relative_to(tree.ROOT)] for source, parts in found.items()}


class Tidy:
    def __init__(self, tool, build, deadline):
        self.tool, self.build, self.deadline = tool, Path(build), deadline
        self.cache = tree.ROOT / "build" / "tidy-cache"
        self.cache.mkdir(parents=True, exist_ok=True)
        self.parts = dependencies(build)
        version = subprocess.run([tool, "--version"], capture_output=True, check=False).stdout
        self.seed = version + b"".join(p.read_bytes() for p in sorted(tree.ROOT.glob("**/.clang-tidy")))

    def key(self, entry):
        total = hashlib.sha256(self.seed + entry["command"].encode())
        for part in self.parts.get(Path(entry["file"]).resolve(), [Path(entry["file"])]):
            total.update(hashlib.sha256(part.read_bytes()).digest())
        return total.hexdigest()

    def look(self, entry):
        """None: good. Else a list of what is wrong. Raises TimeoutError when the time is up."""
        good = self.cache / self.key(entry)
        if good.exists():
            return None
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        command = [self.tool, "--quiet", "-p", str(self.build), entry["file"]]
        try:
            run = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False, timeout=left)
        except subprocess.TimeoutExpired as late:
            raise TimeoutError from late
        if run.returncode == 0:
            good.touch()
            return None
        said = [os.path.relpath(line, tree.ROOT) for line in run.stdout.splitlines() if re.search(r": (error|warning): ", line)]
        return said or [entry["file"] + ": " + run.stderr.strip()[-500:]]


def sources(build):
    entries = json.loads((Path(build) / "compile_commands.json").read_text())
    mine = {e["file"]: e for e in entries if Path(e["file"]).is_relative_to(tree.ROOT) and not Path(e["file"]).is_relative_to(build)}
    return sorted(mine.values(), key=lambda e: -os.path.getmtime(e["file"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=Path, help="a build folder with compile_commands.json")
    parser.add_argument("--limit", type=float, default=600, help="seconds")
    arguments = parser.parse_args()
    tool = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
    if not tool:
        tree.skip("clang-tidy-14 is not installed")
    build = arguments.build.resolve()
    tidy = Tidy(tool, build, time.monotonic() + arguments.limit)
    entries = sources(build)
    problems, late = [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, work in [(e, pool.submit(tidy.look, e)) for e in entries]:
            try:
                problem = work.result()
            except TimeoutError:
                late.append(os.path.relpath(entry["file"], tree.ROOT))
                continue
            problems += problem or []
    if late and not problems:
        print(f"{len(late)} of {len(entries)} files were not reached within {arguments.limit:.0f} s; the next run goes on with them:")
        print(" ", "\n  ".join(late))
        sys.exit(tree.SKIPPED_RETURN_CODE)
    # A mistake in a header is found by everyone who includes it.
    tree.finish(sorted(set(problems)), f"clang-tidy on {len(entries)} files")


if __name__ == "__main__":
    main()
