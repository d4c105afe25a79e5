"""Listen addresses: usable or not, open to everyone or not, and never listened on."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from smppgw.ops.config.endpoint import is_public


@pytest.mark.parametrize(
    ("endpoint", "public"),
    [
        ("tcp:2775", True),
        ("tcp:2775:interface=127.0.0.1", False),
        ("tcp:port=2775:interface=127.0.0.1", False),
        ("tcp:2775:127.0.0.1", False),
        ("tcp:2775:interface=0.0.0.0", True),
        ("tcp:2775:interface=", True),
        ("tcp:2775:interface=\\:\\:", True),
        ("tcp:2775:interface=\\:\\:1", False),
        ("tcp:2775:backlog=5:interface=localhost", False),
        ("tcp:0:interface=127.0.0.1", False),
        ("tcp6:2775", True),
        ("tcp6:2775:interface=\\:\\:1", False),
        ("tcp6:2775:50:\\:\\:1", False),
        ("tcp6:2775:50:\\:\\:", True),
        ("unix:/run/x", False),
    ],
)
def test_endpoints(endpoint: str, public: bool) -> None:
    assert is_public(endpoint) is public


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("", "Unknown endpoint type"),
        ("2775", "Unknown endpoint type"),
        ("tcq:2775", "Unknown endpoint type: 'tcq'"),
        ("tcp", "missing 1 required positional argument: 'port'"),
        ("tcp:", "port must be 0 to 65535"),
        ("tcp:x", "port must be 0 to 65535"),
        ("tcp:65536", "port must be 0 to 65535"),
        ("tcp:-1", "port must be 0 to 65535"),
        ("tcp:1:interfaze=127.0.0.1", "unexpected keyword argument 'interfaze'"),
        ("tcp:1:backlog=x", "invalid literal"),
        ("tcp:1:caCertsDir=/x", "unexpected keyword argument 'caCertsDir'"),
        ("ssl:2776:privateKey=/does/not/exist.pem", "No such file"),
        ("systemd:domain=INET:index=900", "index out of range"),
    ],
)
def test_what_is_no_endpoint(endpoint: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        is_public(endpoint)
    assert "_parse" not in str(caught.value)


def pem_file(path: Path) -> Path:
    """A key and a certificate for it, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return path


def test_tls_endpoints_have_their_files_read(tmp_path: Path) -> None:
    pem = pem_file(tmp_path / "server.pem")
    assert is_public(f"ssl:2776:privateKey={pem}")
    assert not is_public(f"ssl:2776:privateKey={pem}:interface=127.0.0.1")
    assert not is_public(f"ssl:2776:privateKey={pem}:caCertsDir=/ca:interface=127.0.0.1")
    assert is_public(f"ssl:2776:privateKey={pem}:caCertsDir=/ca\\:b")
    pem.write_text("nothing like it")
    with pytest.raises(ValueError, match="not usable PEM"):
        is_public(f"ssl:2776:privateKey={pem}")


def test_checking_never_installs_a_reactor() -> None:
    script = (
        "import sys\nfrom smppgw.ops.config import parse\n"
        "parse(\"[smpp]\\nlisten = ['tcp:1', 'unix:/x']\", 'x')\n"
        "assert 'twisted.internet.reactor' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603
