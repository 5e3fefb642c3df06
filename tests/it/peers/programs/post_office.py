"""An SMTP server that takes letters over TLS alone, from somebody who has signed in: one begins in the clear (STARTTLS), one is
encrypted from its first byte on. Their authority is FOLDER/authority.pem; each letter is a line of FOLDER/letters.

post_office.py PORT_OF_STARTTLS PORT_OF_TLS FOLDER
"""

import json
import pathlib
import ssl
import sys
import threading

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

STARTTLS, ENCRYPTED, FOLDER = int(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
PASSWORD = LoginPassword(b"postman", b"a password")


class Letters:
    async def handle_DATA(self, server, session, envelope):
        letter = {
            "to": envelope.rcpt_tos,
            "encrypted": session.ssl is not None or server.transport.get_extra_info("cipher") is not None,
            "user": session.auth_data.login.decode(),
        }
        with open(FOLDER / "letters", "a", encoding="utf-8") as letters:
            letters.write(json.dumps(letter) + "\n")
        return "250 taken"


def admit(_server, _session, _envelope, _mechanism, shown):
    return AuthResult(success=shown == PASSWORD, auth_data=shown)


authority = trustme.CA()
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
authority.issue_cert("127.0.0.1").configure_cert(context)
authority.cert_pem.write_to_path(FOLDER / "authority.pem")
asks = {"authenticator": admit, "auth_required": True}
Controller(
    Letters(), hostname="127.0.0.1", port=STARTTLS, tls_context=context, require_starttls=True, auth_require_tls=True, **asks
).start()
# It is encrypted already, which aiosmtpd does not count.
Controller(
    Letters(), hostname="127.0.0.1", port=ENCRYPTED, ssl_context=context, auth_require_tls=False, **asks
).start()
threading.Event().wait()
