# shellcheck shell=bash
# What the whole-gateway benchmarks share. Sourced, with $root set; leaves in $scratch a copy of ../shared/bench, built and with
# its mails made, in $PRODUCT_CMD how Postern is started in it, and stands in it.
: "${root:?the top of the tree}"
[ -d "$root/../shared/bench" ] || { echo "../shared/bench is not here" >&2; exit 77; }
binary="$root/build/release/postern"
[ -x "$binary" ] || { echo "build it first: cmake --preset release && cmake --build --preset release" >&2; exit 2; }
scratch=$(mktemp -d)
chmod 755 "$scratch" # rspamd and Postfix look into it as users of their own
trap 'rm -rf "$scratch"' EXIT
cp -r "$root/../shared/bench/." "$scratch"
cd "$scratch" || exit 1
make >build.log 2>&1
/usr/bin/python3 mkcorpus.py >corpus.log
cat >bench.toml <<END
hostname = "mx.bench.net"
workers = 2
[[listen]]
address = "127.0.0.1:2525"
tls = "off"
proxy_protocol = ["127.0.0.1/32"]
[backend]
address = "127.0.0.1:2600"
client_info = "none"
[relay]
domains = ["rcpt.bench.net"]
[dns]
servers = ["127.0.0.1@53"]
[rules]
directory = "$root/rules"
[bulk]
state = ""
[quarantine]
maildir = "$scratch/quarantine"
[journal]
path = "$scratch/journal/journal.db"
[classifier]
directory = "$scratch/classifier"
[limits]
spool = "$scratch/run/spool"
END
export PRODUCT_CMD="$binary serve --config $scratch/bench.toml"
