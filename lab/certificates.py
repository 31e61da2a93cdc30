"""One certificate authority for a lab, so that TLS is verified everywhere in it.

Keys and certificates are made for one rehearsal: they expire after two days, and private keys are readable by their
owner alone.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=2)
# Clocks of a host and of a virtual machine on it differ by a little.
_CLOCK_SKEW = timedelta(minutes=5)
_SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """A certificate and its private key, both PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class ServiceAccountKeys:
    """The RSA pair that signs service-account tokens: RS256, the algorithm of EKS's issuers."""

    public: Path
    private: Path


class CertificateAuthority:
    """Issues the lab's certificates into `directory`. Opening the same directory again goes on with the same key."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.certificate = directory / "ca.crt"
        key = directory / "ca.key"
        if key.exists() and self.certificate.exists():
            loaded = serialization.load_pem_private_key(key.read_bytes(), password=None)
            if not isinstance(loaded, ec.EllipticCurvePrivateKey):
                raise ValueError(f"{key}: expected an elliptic-curve key; delete {directory} to make a new authority")
            self._key = loaded
            self._authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = _name("velero-eks lab")
        self._authority = (
            _builder(subject, subject, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        write_private(key, _private_pem(self._key))
        self.certificate.write_bytes(self._authority.public_bytes(serialization.Encoding.PEM))

    def server(self, name: str, addresses: Sequence[str] = ("127.0.0.1",), *, client: bool = False) -> KeyPair:
        """A server certificate for `addresses` (IP addresses), `localhost` and the API server's in-cluster names.

        With `client` it serves as a client's too, which etcd needs: its gateway calls etcd with it.
        """
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in _SERVER_NAMES]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, *([ExtendedKeyUsageOID.CLIENT_AUTH] if client else [])]
        return self._issue(name, _name(name), usages, x509.SubjectAlternativeName(names))

    def client(self, user: str, groups: Sequence[str] = ()) -> KeyPair:
        """A client certificate that Kubernetes reads as `user` in `groups`."""
        return self._issue(user.replace(":", "-"), _name(user, groups), [ExtendedKeyUsageOID.CLIENT_AUTH], None)

    def _issue(
        self,
        name: str,
        subject: x509.Name,
        usages: Sequence[x509.ObjectIdentifier],
        alternative: x509.SubjectAlternativeName | None,
    ) -> KeyPair:
        pair = KeyPair(certificate=self.directory / f"{name}.crt", key=self.directory / f"{name}.key")
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, self._authority.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if alternative is not None:
            builder = builder.add_extension(alternative, critical=False)
        write_private(pair.key, _private_pem(key))
        pair.certificate.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return pair


def service_account_keys(directory: Path) -> ServiceAccountKeys:
    """The pair in `directory`, made when it is not there: tokens stay valid over a restart of the API server."""
    directory.mkdir(parents=True, exist_ok=True)
    keys = ServiceAccountKeys(public=directory / "service-account.pub", private=directory / "service-account.key")
    if not (keys.public.exists() and keys.private.exists()):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(keys.private, _private_pem(key))
        keys.public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
    return keys


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read, never readable by others in between."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    temporary.replace(path)


def _name(common: str, organisations: Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organisations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
