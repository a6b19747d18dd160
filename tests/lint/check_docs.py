"""Documents and program say the same: a README in every folder with sources, every configuration key in the example
configuration and no other, every metric in the operator's guide and no other, links that lead somewhere."""

import re

import tree

EXAMPLE = "deploy/postern.toml"
GUIDE = "deploy/README.md"
SOURCES = {".cc", ".h", ".py", ".lua", ".sh", ".toml"}
# Folders that a README above them speaks for too.
SPOKEN_FOR = ("tests/unit/", "tests/fakes/", "tests/fuzz/seeds/", "tests/transcripts/", "tests/conformance/",
              "tests/integration/", "deploy/")
# In a table of settings: {"name", spec or helper...
SETTING = re.compile(r'\{\s*"([a-z_]+)",\s*[A-Za-z0-9_:<>]+[({]')
EXAMPLE_KEY = re.compile(r"^#?([a-z_]+) = ")
EXAMPLE_TABLE = re.compile(r"^#?\[\[?([a-z_.]+)\]\]?")
METRIC = re.compile(r'"(postern_[a-z0-9_]+)"')
METRIC_IN_TEXT = re.compile(r"\bpostern_[a-z0-9_]+")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def missing_readmes(root):
    folders = {p.parent for p in tree.files(root, SOURCES)} - {tree.Path(".")}
    for folder in sorted(folders):
        speakers = [folder]
        if (folder.as_posix() + "/").startswith(SPOKEN_FOR):
            speakers += [p for p in folder.parents if p != tree.Path(".")]
        if not any((root / speaker / "README.md").exists() for speaker in speakers):
            yield f"{folder}: has sources and no README.md"


def names_in(paths, pattern, root):
    """name -> "FILE:LINE" of its first appearance; a pattern may reach over a line end."""
    found = {}
    for path in paths:
        text = "\n".join(t for _, t in tree.lines(path, root))
        for match in pattern.finditer(text):
            found.setdefault(match.group(1), f"{path}:{text.count(chr(10), 0, match.start(1)) + 1}")
    return found


def example_names(root):
    found = {}
    for number, text in tree.lines(EXAMPLE, root):
        key, table = EXAMPLE_KEY.match(text), EXAMPLE_TABLE.match(text)
        for name in [key.group(1)] if key else table.group(1).split(".") if table else []:
            found.setdefault(name, f"{EXAMPLE}:{number}")
    return found


def differences(here, there, what):
    return [f"{here[name]}: '{name}' {what}" for name in sorted(here.keys() - there.keys())]


def check_settings(root):
    code = [p for p in tree.files(root, {".cc"}, ["proxy/ops"]) if p.name.startswith("config")]
    settings = names_in(code, SETTING, root)
    if not settings:
        return []
    example = example_names(root)
    return differences(settings, example, f"is a setting and not in {EXAMPLE}") + differences(example, settings, "is not a setting")


def check_metrics(root):
    metrics = names_in(tree.files(root, {".cc", ".h"}, ["proxy"]), METRIC, root)
    if not metrics:
        return []
    told = {}
    for number, text in tree.lines(GUIDE, root):
        for name in METRIC_IN_TEXT.findall(text):
            name = re.sub(r"_(bucket|sum|count)$", "", name)
            told.setdefault(name, f"{GUIDE}:{number}")
    return differences(metrics, told, f"is a metric and not in {GUIDE}") + differences(told, metrics, "is not a metric")


def dead_links(root):
    for path in tree.files(root, {".md"}):
        for number, text in tree.lines(path, root):
            for target in LINK.findall(text):
                if "://" not in target and not (root / path.parent / target).exists():
                    yield f"{path}:{number}: the link leads nowhere: {target}"


def check(root=tree.ROOT):
    return [*missing_readmes(root), *check_settings(root), *check_metrics(root), *dead_links(root)]


if __name__ == "__main__":
    tree.finish(check(), "documents")
