#!/usr/bin/env python3
"""The reference implementations: Python's dkim and authres, as Debian packages them (for /usr/bin/python3 only), and OpenDKIM.

`Reference` is for tests, under any Python 3; it runs this file under /usr/bin/python3, one JSON object a line each way, octets
as Latin-1. OpenDKIM signs through its library and verifies through its tool.
"""
import base64
import ctypes
import json
import os
import pathlib
import subprocess
import sys
import tempfile

DEBIAN = "/usr/bin/python3"
DIGESTS = {"rsa": "rsa-sha256", "ed25519": "ed25519-sha256"}


class Missing(Exception):
    """What is not installed."""


class Key:
    """A private key (PEM file `path`) and the record to publish. Needs openssl."""

    def __init__(self, folder, name, kind="rsa", bits=2048):
        self.kind, self.path = kind, pathlib.Path(folder) / f"{name}.pem"
        what = ["RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"] if kind == "rsa" else ["ED25519"]
        subprocess.run(["openssl", "genpkey", "-algorithm", *what, "-out", self.path], check=True, capture_output=True)
        self.path.chmod(0o600)
        public, private = (self._der(*options) for options in (["-pubout"], []))
        # RFC 8463, 4.2: the bare key; it is the end of its SubjectPublicKeyInfo.
        self.published = base64.b64encode(public if kind == "rsa" else public[-32:]).decode()
        self.seed = base64.b64encode(private[-32:]).decode()

    def _der(self, *options):
        return subprocess.run(["openssl", "pkey", "-in", self.path, "-outform", "DER", *options], check=True,
                              capture_output=True).stdout

    @property
    def record(self):
        return f"v=DKIM1; k={self.kind}; p={self.published}"

    @property
    def algorithm(self):
        return DIGESTS[self.kind]

    def for_python(self):
        return self.path.read_text() if self.kind == "rsa" else self.seed


class Reference:
    """Python's dkim and authres. Raises Missing where they are not installed. `case`: ends the process after the test."""

    def __init__(self, case):
        if not os.path.exists(DEBIAN) or subprocess.run([DEBIAN, "-c", "import dkim, authres, nacl"], capture_output=True).returncode:
            raise Missing("python3-dkim, python3-authres")
        self.child = subprocess.Popen([DEBIAN, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        case.addCleanup(self._stop)

    def _stop(self):
        self.child.stdin.close()
        self.child.wait(timeout=30)
        self.child.stdout.close()

    def _ask(self, **question):
        self.child.stdin.write(json.dumps(question) + "\n")
        self.child.stdin.flush()
        answer = json.loads(self.child.stdout.readline())
        if "error" in answer:
            raise AssertionError(f"{question['do']}: {answer['error']}")
        return answer

    def sign(self, message, domain, selector, key, canonicalization="relaxed/relaxed", length=False):
        """`message` with a DKIM-Signature of Python's dkim on top."""
        field = self._ask(do="sign", message=message.decode("latin-1"), domain=domain, selector=selector, key=key.for_python(),
                          algorithm=key.algorithm, canonicalization=canonicalization, length=length)["field"]
        return field.encode("latin-1") + message

    def seal(self, message, domain, selector, key, authserv_id):
        """`message` with the next ARC set on top; it has an Authentication-Results field of `authserv_id`. RSA only."""
        fields = self._ask(do="seal", message=message.decode("latin-1"), domain=domain, selector=selector, key=key.for_python(),
                           id=authserv_id)["fields"]
        return fields.encode("latin-1") + message

    def verify(self, message, keys):
        """[True or a reason] for each signature of a message, with keys {name: record}."""
        return self._ask(do="verify", message=message.decode("latin-1"), keys=keys)["results"]

    def results(self, field):
        """[{"method", "result", "properties": {"type.name": value}}] of an Authentication-Results field, and its authserv-id."""
        answer = self._ask(do="results", field=field)
        return answer["id"], answer["results"]


class OpenDkim:
    """OpenDKIM's tool and library. `case.need` skips where the tool is not installed."""

    def __init__(self, case):
        self.tool = case.need("opendkim-testmsg")
        self.folder = case.folder

    def sign(self, message, domain, selector, key, header_canon=1, body_canon=1):
        """Through the library: the tool signs with rsa-sha1 only, and garbles b= (dkim.h: DKIM_CANON_RELAXED = 1,
        DKIM_SIGN_RSASHA256 = 1, DKIM_SIGN_ED25519SHA256 = 2)."""
        library = ctypes.CDLL("libopendkim.so.11")
        for name in ("dkim_init", "dkim_sign"):
            getattr(library, name).restype = ctypes.c_void_p
        handle = ctypes.c_void_p(library.dkim_init(None, None))
        status = ctypes.c_int()
        signer = ctypes.c_void_p(library.dkim_sign(
            handle, b"test", None, key.path.read_bytes(), selector.encode(), domain.encode(), header_canon, body_canon,
            1 if key.kind == "rsa" else 2, ctypes.c_ssize_t(-1), ctypes.byref(status)))
        assert signer, f"dkim_sign: {status.value}"
        header, body = message.split(b"\r\n\r\n", 1)
        for field in _unfolded(header):
            self._done(library.dkim_header(signer, field, ctypes.c_size_t(len(field))))
        self._done(library.dkim_eoh(signer))
        self._done(library.dkim_body(signer, body, ctypes.c_size_t(len(body))))
        self._done(library.dkim_eom(signer, None))
        text = ctypes.create_string_buffer(8192)
        self._done(library.dkim_getsighdr(signer, text, ctypes.c_size_t(8192), ctypes.c_size_t(len("DKIM-Signature: "))))
        library.dkim_free(signer)
        library.dkim_close(handle)
        value = text.value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return b"DKIM-Signature: " + value + b"\r\n" + message

    @staticmethod
    def _done(status):
        assert status == 0, f"libopendkim: {status}"

    def verify(self, message, dns_address):
        """(exit status, what it says) of opendkim-testmsg, which asks the server that /etc/resolv.conf names: here one of its own,
        in a mount namespace of its own. `dns_address` is a loopback address with a DNS server on port 53. Needs root."""
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {dns_address}\noptions timeout:5 attempts:2\n")
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            result = subprocess.run(
                ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/resolv.conf && exec "$2" -t "$3"', "sh", resolver,
                 self.tool, folder], input=message.replace(b"\r\n", b"\n"), capture_output=True, timeout=60)
        return result.returncode, (result.stdout + result.stderr).decode(errors="replace")


def _unfolded(header):
    fields = []
    for line in header.split(b"\r\n"):
        if line[:1] in b" \t" and fields:
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields


# What runs under /usr/bin/python3.

def _sign(question):
    import dkim
    field = dkim.DKIM(question["message"].encode("latin-1"), signature_algorithm=question["algorithm"].encode()).sign(
        question["selector"].encode(), question["domain"].encode(), question["key"].encode(),
        canonicalize=tuple(part.encode() for part in question["canonicalization"].split("/")), length=question["length"])
    return {"field": field.decode("latin-1")}


def _seal(question):
    import dkim
    fields = dkim.ARC(question["message"].encode("latin-1")).sign(question["selector"].encode(), question["domain"].encode(),
                                                                  question["key"].encode(), question["id"].encode())
    return {"fields": b"".join(fields).decode("latin-1")}


def _verify(question):
    import dkim
    message, results = question["message"].encode("latin-1"), []
    keys = {name.encode(): record.encode() for name, record in question["keys"].items()}
    verifier = dkim.DKIM(message)
    count = sum(1 for name, _ in verifier.headers if name.lower() == b"dkim-signature")
    for number in range(count):
        try:
            good = dkim.DKIM(message).verify(idx=number, dnsfunc=lambda name, **_: keys.get(name.rstrip(b".")))
            results.append(True if good else "does not verify")
        except dkim.DKIMException as error:
            results.append(f"{type(error).__name__}: {error}")
    return {"results": results}


def _results(question):
    import authres
    field = authres.AuthenticationResultsHeader.parse(question["field"])
    return {"id": field.authserv_id,
            "results": [{"method": result.method, "result": result.result, "reason": result.reason,
                         "properties": {f"{p.type}.{p.name}": p.value for p in result.properties}} for result in field.results]}


def _serve():
    actions = {"sign": _sign, "seal": _seal, "verify": _verify, "results": _results}
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = actions[question["do"]](question)
        except Exception as error:  # the test decides what an error means
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
