"""Certificates for one test, made by the openssl program."""
import ssl
import subprocess


def make(folder, name, algorithm="ecdsa", hosts=("mx.postern.example",)):
    """A self-signed pair: (certificate path, key path)."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    kind = ["-newkey", "rsa:2048"] if algorithm == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(["openssl", "req", "-x509", *kind, "-nodes", "-days", "2", "-subj", f"/CN={hosts[0]}", "-addext",
                    "subjectAltName=" + ",".join(f"DNS:{h}" for h in hosts), "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def der(certificate):
    return ssl.PEM_cert_to_DER_cert(certificate.read_text())


def context(ciphers=None):
    """A client that takes any certificate; `ciphers` (TLS 1.2) choose the kind of certificate it asks for."""
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.check_hostname, result.verify_mode = False, ssl.CERT_NONE
    if ciphers:
        result.maximum_version = ssl.TLSVersion.TLSv1_2
        result.set_ciphers(ciphers)
    return result
