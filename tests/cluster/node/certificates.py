"""The node's certificates and kubeconfigs: one authority, one key per program. They live as long as the node."""

import datetime
import ipaddress
import json
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .places import ETC, INSIDE, KUBECONFIG, NODE, SERVER

_LIFETIME = datetime.timedelta(days=30)
_API_NAMES = ("kubernetes", *("kubernetes.default" + rest for rest in ("", ".svc", ".svc.cluster.local")))

# File -> common name, organisation, names and addresses of a server.
_CERTIFICATES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "apiserver": ("kube-apiserver", "", (*_API_NAMES, "127.0.0.1", INSIDE, "10.96.0.1")),
    "kubelet": (f"system:node:{NODE}", "system:nodes", (NODE, INSIDE)),
    "admin": ("admin", "system:masters", ()),
    "controller-manager": ("system:kube-controller-manager", "", ()),
    "scheduler": ("system:kube-scheduler", "", ()),
    "kube-proxy": ("system:kube-proxy", "", ()),
    "front-proxy": ("front-proxy", "", ()),
}


def make() -> None:
    """Write certificates, keys and kubeconfigs."""
    ETC.mkdir(parents=True, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _name("katib-cluster", "")
    built = _certificate(authority, authority, authority_key.public_key())
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    _write(ETC / "ca.crt", _pem(built.sign(authority_key, hashes.SHA256())))
    for file, (common, organisation, servers) in _CERTIFICATES.items():
        key = ec.generate_private_key(ec.SECP256R1())
        built = _certificate(_name(common, organisation), authority, key.public_key())
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if servers else [])]
        built = built.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        if servers:
            built = built.add_extension(
                x509.SubjectAlternativeName([_server(each) for each in servers]), critical=False
            )
        _write(ETC / f"{file}.crt", _pem(built.sign(authority_key, hashes.SHA256())))
        _write(ETC / f"{file}.key", _key(key))
    _write(ETC / "accounts.key", _key(ec.generate_private_key(ec.SECP256R1())))
    for file in ("kubelet", "controller-manager", "scheduler", "kube-proxy"):
        _write(ETC / f"{file}.kubeconfig", _kubeconfig(file))
    _write(KUBECONFIG, _kubeconfig("admin"))


def _name(common: str, organisation: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def _server(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # A little before now: clocks of test machines jump.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key(key: ec.EllipticCurvePrivateKey) -> bytes:
    # The older of the two forms: the service account's key is read as this one.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _kubeconfig(file: str) -> bytes:
    named = {
        "clusters": [{"name": "it", "cluster": {"server": SERVER, "certificate-authority": f"{ETC}/ca.crt"}}],
        "users": [
            {"name": "it", "user": {"client-certificate": f"{ETC}/{file}.crt", "client-key": f"{ETC}/{file}.key"}}
        ],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }
    return json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "it", **named}).encode()


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
