"""shellcheck has nothing to say about the shell scripts."""

import shutil
import subprocess

import tree


def is_shell(path):
    if path.suffix == ".sh":
        return True
    text = tree.lines(path)
    return bool(text) and text[0][1].startswith("#!") and text[0][1].rstrip().endswith(("sh", "bash"))


def main():
    tool = shutil.which("shellcheck")
    if not tool:
        tree.skip("shellcheck is not installed")
    paths = [str(p) for p in tree.files() if is_shell(p)]
    run = subprocess.run([tool, "-x", "-f", "gcc", *paths], cwd=tree.ROOT, capture_output=True, text=True, check=False)
    tree.finish((run.stdout + run.stderr).splitlines(), f"{len(paths)} scripts")


if __name__ == "__main__":
    main()
