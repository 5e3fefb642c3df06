"""A receiver that asks for a client certificate, with an authority of its own. Certificates go into FOLDER.

tls.py PORT FOLDER
"""

import datetime
import http.server
import ipaddress
import ssl
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]
NOW = datetime.datetime.now(datetime.timezone.utc)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(subject, issuer=None, usage=None):
    key = ec.generate_private_key(ec.SECP256R1())
    by, by_key = issuer or (None, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(by.subject if by else name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if usage:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        certificate = certificate.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        certificate = certificate.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    certificate = certificate.sign(by_key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    with open(f"{FOLDER}/{subject}.pem", "wb") as file:
        file.write(certificate.public_bytes(encoding))
    with open(f"{FOLDER}/{subject}.key", "wb") as file:
        private = serialization.PrivateFormat.PKCS8
        file.write(key.private_bytes(encoding, private, serialization.NoEncryption()))
    return certificate, key


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        certificate = self.connection.getpeercert()
        body = str(certificate["subject"]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


authority = make("authority")
make("server", authority, ExtendedKeyUsageOID.SERVER_AUTH)
make("client", authority, ExtendedKeyUsageOID.CLIENT_AUTH)
make("stranger", make("nobody"), ExtendedKeyUsageOID.CLIENT_AUTH)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{FOLDER}/server.pem", f"{FOLDER}/server.key")
context.load_verify_locations(f"{FOLDER}/authority.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Receiver)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
