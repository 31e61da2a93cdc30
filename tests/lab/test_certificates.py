"""The lab's certificates hold up under a strict TLS client, and strangers' do not."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from lab.certificates import CertificateAuthority, KeyPair, service_account_keys, write_private


def handshake(server_pair: KeyPair, trusted: Path, host: str, client_pair: KeyPair | None = None) -> None:
    """A TLS handshake in memory; raises `ssl.SSLError` when either side refuses the other."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(server_pair.certificate, server_pair.key)
    client = ssl.create_default_context(cafile=str(trusted))
    # Python 3.13 turns this on by default; it wants key usages and key identifiers to be there.
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    if client_pair is not None:
        server.load_verify_locations(trusted)
        server.verify_mode = ssl.CERT_REQUIRED
        client.load_cert_chain(client_pair.certificate, client_pair.key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(5):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    # TLS 1.3: the server's refusal of a client certificate reaches the client with the first read.
    ends[1].write(b"hello")
    assert ends[0].read(5) == b"hello"


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "tls")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "kubernetes.default.svc"])
def test_a_strict_client_accepts_the_server_by_every_name_it_has(authority: CertificateAuthority, host: str) -> None:
    handshake(authority.server("api"), authority.certificate, host)


def test_a_client_refuses_the_server_under_a_name_it_does_not_have(authority: CertificateAuthority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        handshake(authority.server("api"), authority.certificate, "10.0.0.1")


def test_a_client_refuses_the_server_of_another_lab(authority: CertificateAuthority, tmp_path: Path) -> None:
    other = CertificateAuthority(tmp_path / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(other.server("api"), authority.certificate, "127.0.0.1")


def test_a_server_accepts_the_labs_clients_and_refuses_strangers(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    server = authority.server("api")
    handshake(server, authority.certificate, "127.0.0.1", authority.client("admin"))
    stranger = CertificateAuthority(tmp_path / "other").client("admin")
    with pytest.raises(ssl.SSLError):
        handshake(server, authority.certificate, "127.0.0.1", stranger)


def test_a_server_certificate_does_not_pass_for_a_client(authority: CertificateAuthority) -> None:
    server = authority.server("api")
    with pytest.raises(ssl.SSLError):
        handshake(server, authority.certificate, "127.0.0.1", server)


def test_a_client_certificate_names_its_user_and_groups(authority: CertificateAuthority) -> None:
    pair = authority.client("system:kube-controller-manager", ["system:masters", "auditors"])
    subject = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [
        "system:kube-controller-manager"
    ]
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == [
        "system:masters",
        "auditors",
    ]
    assert ":" not in pair.key.name


def test_an_authority_that_is_opened_again_is_the_same_one(authority: CertificateAuthority) -> None:
    again = CertificateAuthority(authority.directory)
    handshake(again.server("second"), authority.certificate, "127.0.0.1")


def test_the_service_account_keys_belong_together_and_stay_the_same(tmp_path: Path) -> None:
    keys = service_account_keys(tmp_path)
    private = serialization.load_pem_private_key(keys.private.read_bytes(), password=None)
    public = serialization.load_pem_public_key(keys.public.read_bytes())
    assert isinstance(private, rsa.RSAPrivateKey)
    assert isinstance(public, rsa.RSAPublicKey)
    signature = private.sign(b"token", padding.PKCS1v15(), hashes.SHA256())
    public.verify(signature, b"token", padding.PKCS1v15(), hashes.SHA256())
    before = keys.private.read_bytes()
    assert service_account_keys(tmp_path).private.read_bytes() == before


def test_private_files_are_readable_by_their_owner_alone(authority: CertificateAuthority, tmp_path: Path) -> None:
    public = authority.directory / "kubeconfig"
    public.write_bytes(b"old")
    public.chmod(0o644)
    write_private(public, b"new")
    private = [
        authority.client("admin").key,
        authority.directory / "ca.key",
        service_account_keys(tmp_path).private,
        public,
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert public.read_bytes() == b"new"
