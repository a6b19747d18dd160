"""The example configuration holds: as it stands, and with every commented setting taken in. usage: check_example.py POSTERN"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import tree

COMMENTED = re.compile(r"^#(?=[a-z_]+ = |\[)", re.MULTILINE)


def prepare(folder):
    """What the example names, in a folder of our own."""
    shutil.copytree(tree.ROOT / "rules", folder / "etc/rules")
    (folder / "etc/tls").mkdir()
    for name in ("", "rsa-"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mx.example.org", "-days", "2",
                        "-keyout", folder / f"etc/tls/{name}key.pem", "-out", folder / f"etc/tls/{name}fullchain.pem"],
                       check=True, capture_output=True)


def check(program, folder, name, text):
    text = text.replace("/etc/postern", f"{folder}/etc").replace("/var/lib/postern", f"{folder}/state")
    if name == "as it stands":
        text = text.replace('[rules]\n', f'[rules]\ndirectory = "{folder}/etc/rules"\n')
    path = folder / "postern.toml"
    path.write_text(text)
    run = subprocess.run([program, "check", "--config", path], capture_output=True, text=True, timeout=60, check=False)
    return [] if run.returncode == 0 else [f"deploy/postern.toml, {name}: {line}" for line in run.stderr.splitlines()]


def main():
    if not shutil.which("openssl"):
        tree.skip("openssl is not installed")
    example = (tree.ROOT / "deploy/postern.toml").read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        problems = check(sys.argv[1], folder, "as it stands", example)
        problems += check(sys.argv[1], folder, "with every setting", COMMENTED.sub("", example))
    tree.finish(problems, "example configuration")


if __name__ == "__main__":
    main()
