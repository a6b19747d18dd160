"""Who may include whom. The direction is filters <- lua <- proxy; inside proxy: smtp <- session <- net, ops <- cli."""

import re

import tree

# The longest matching folder speaks for a file. Each may include itself and what is listed.
ALLOWED = {
    "filters": {"filters"},
    "filters/base": set(),
    "filters/dns": {"filters/base"},
    "filters/message": {"filters/base"},
    "filters/spf": {"filters/base", "filters/dns", "filters"},
    "filters/dkim": {"filters/base", "filters/dns", "filters/message"},
    "filters/arc": {"filters/base", "filters/dns", "filters/message", "filters/dkim"},
    "filters/dmarc": {"filters/base", "filters/dns", "filters/message"},
    "filters/mime": {"filters/base"},
    "filters/lists": {"filters/base", "filters/dns", "filters/message", "filters/mime", "filters/dmarc"},
    "filters/bulk": {"filters"},
    "filters/classifier": {"filters/base", "filters/message", "filters/mime", "filters/dmarc"},
    "filters/auth_results": {"filters"},
    "filters/authentication": {"filters"},
    "lua": {"filters"},
    "proxy/smtp": {"filters/base"},
    "proxy/session": {"filters", "lua", "proxy/smtp"},
    "proxy/net": {"filters", "lua", "proxy/smtp", "proxy/session"},
    "proxy/ops": {"filters", "lua", "proxy/smtp", "proxy/session"},
    "proxy/cli": {"filters", "lua", "proxy"},
    "proxy": {"filters", "lua", "proxy"},
    "tests/unit/filters_base": {"filters/base", "tests"},
    "tests/unit/filters_dns": {"filters", "tests"},
    "tests/unit/filters_message": {"filters", "tests"},
    "tests/unit/filters_spf": {"filters", "tests"},
    "tests/unit/filters_dkim": {"filters", "tests"},
    "tests/unit/filters_arc": {"filters", "tests"},
    "tests/unit/filters_dmarc": {"filters", "tests"},
    "tests/unit/filters_mime": {"filters", "tests"},
    "tests/unit/filters_lists": {"filters", "tests"},
    "tests/unit/filters_bulk": {"filters", "tests"},
    "tests/unit/filters_classifier": {"filters", "tests"},
    "tests/unit/filters_auth_results": {"filters", "tests"},
    "tests/unit/filters_authentication": {"filters", "tests"},
    "tests/unit/lua": {"filters", "lua", "tests"},
    "tests/unit/proxy_smtp": {"filters/base", "proxy/smtp", "tests"},
    "tests/transcripts": {"filters/base", "proxy/smtp", "tests"},
    "tests/unit/proxy_session": {"filters", "lua", "proxy/smtp", "proxy/session", "tests"},
    "tests": {"filters", "lua", "proxy", "tests"},
}

# Libraries that one place alone may name: (pattern of the header, paths that may, why).
OWNERS = [
    (r"event2/.*|event\.h|evhttp\.h", ("proxy/net/", "proxy/ops/http", "tests/unit/proxy_net/", "tests/unit/proxy_ops/"),
     "the event loop belongs to proxy/net"),
    (r"openssl/ssl\.h", ("proxy/net/", "proxy/ops/http", "tests/unit/proxy_net/"), "TLS belongs to proxy/net"),
    (r"lua\.h|lua\.hpp|lualib\.h|lauxlib\.h", ("lua/",), "Lua belongs to lua/"),
    (r"unbound(-event)?\.h", ("proxy/net/dns_unbound.cc",), "libunbound belongs to proxy/net/dns_unbound.cc"),
    (r"spf2/.*|spf\.h", ("filters/spf/",), "libspf2 belongs to filters/spf"),
    (r"libpsl\.h", ("filters/dmarc/",), "the Public Suffix List belongs to filters/dmarc"),
    (r"dkim\.h|opendkim/.*", ("tests/",), "signatures are verified in filters/dkim"),
    (r"openssl/(evp|rsa|x509|sha|bn|param_build|core_names)\.h", ("filters/dkim/", "filters/lists/", "proxy/net/", "tests/"),
     "cryptography belongs to filters/dkim, digests of addresses to filters/lists"),
    (r"ldns/.*", ("filters/dns/", "proxy/net/"), "DNS packets are read in filters/dns"),
    (r"hiredis/.*", ("proxy/net/bulk_stream",), "Redis belongs to proxy/net/bulk_stream*.cc"),
    (r"jpeglib\.h|png\.h", ("filters/bulk/picture", "tests/unit/filters_bulk/picture_draw"), "pictures are decoded in filters/bulk/picture*.cc"),
    (r"prometheus/.*", ("proxy/ops/", "tests/unit/proxy_ops/"), "metrics belong to proxy/ops"),
    (r"spdlog/.*", ("proxy/ops/", "tests/unit/proxy_ops/"), "the log belongs to proxy/ops"),
    (r"toml\+\+/.*|toml(\+\+)?\.hp?p?", ("proxy/ops/",), "configuration belongs to proxy/ops"),
    (r"CLI/.*", ("proxy/cli/", "proxy/main.cc"), "the command line belongs to proxy/cli"),
    # Not in g++ 12 or not in clang 14: see README.md, "How it is built".
    (r"format|source_location|expected|ranges", (), "not in both compilers"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_rule(path):
    """The most specific folder of ALLOWED that holds the path."""
    candidates = [f for f in ALLOWED if path.startswith(f + "/")]
    return max(candidates, key=len) if candidates else None


def allowed(source, target):
    rule = folder_rule(source)
    if rule is None or target.startswith(rule + "/") and folder_rule(target) == rule:
        return True
    return any(target.startswith(folder + "/") for folder in ALLOWED[rule])


def check_line(path, number, text):
    match = INCLUDE.match(text)
    if not match:
        return None
    kind, target = match.groups()
    if kind == '"':
        if "/" not in target:
            return f'{path}:{number}: "{target}": write it from the root, "folder/file.h"'
        if not allowed(path, target):
            return f'{path}:{number}: {folder_rule(path)} may not include "{target}"'
        return None
    for pattern, places, why in OWNERS:
        if re.fullmatch(pattern, target) and not path.startswith(places or ("-",)):
            return f"{path}:{number}: <{target}>: {why}"
    return None


def check(root=tree.ROOT):
    sources = tree.files(root, {".cc", ".h"}, [f for f in tree.CODE_FOLDERS if (root / f).is_dir()])
    problems = []
    for path in sources:
        for number, text in tree.lines(path, root):
            problem = check_line(path.as_posix(), number, text)
            if problem:
                problems.append(problem)
    return problems, sources


if __name__ == "__main__":
    found, looked_at = check()
    tree.finish(found, f"includes of {len(looked_at)} files")
