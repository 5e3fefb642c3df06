"""Google's door before the Pub/Sub emulator: gives tokens for signed assertions, and lets requests with one through.

pubsub_front.py PORT EMULATOR_PORT PUBLIC_KEY_FILE EMAIL
"""

import secrets
import sys

import jwt
from aiohttp import ClientSession, web

PORT, EMULATOR, EMAIL = int(sys.argv[1]), sys.argv[2], sys.argv[4]
PUBLIC_KEY = open(sys.argv[3]).read()
SCOPES = {"https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform"}
TOKENS = set()
ASKED = {"tokens": 0}
AUDIENCES = [f"http://127.0.0.1:{PORT}/token", "https://oauth2.googleapis.com/token"]


def refused(description):
    return web.json_response({"error": "invalid_grant", "error_description": description}, status=400)


async def token(request):
    form = await request.post()
    ASKED["tokens"] += 1
    if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
        return web.json_response({"error": "unsupported_grant_type"}, status=400)
    try:
        claims = jwt.decode(
            form["assertion"],
            PUBLIC_KEY,
            algorithms=["RS256"],
            audience=AUDIENCES,
            options={"require": ["iss", "aud", "iat", "exp", "scope"]},
        )
    except jwt.InvalidSignatureError:
        return refused("Invalid JWT Signature.")
    except jwt.PyJWTError as error:
        return refused(f"Invalid JWT: {error}")
    if claims["iss"] != EMAIL:
        return refused("Invalid grant: account not found")
    if not 0 < claims["exp"] - claims["iat"] <= 3600:
        return refused("Invalid JWT: Token must be a short-lived token (60 minutes)")
    if not set(claims["scope"].split()) & SCOPES:
        return web.json_response({"error": "invalid_scope"}, status=400)
    made = secrets.token_urlsafe()
    TOKENS.add(made)
    return web.json_response({"access_token": made, "expires_in": 3599, "token_type": "Bearer"})


async def through(request):
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or given not in TOKENS:
        error = {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}
        return web.json_response({"error": error}, status=401)
    if "/forbidden:" in request.path:
        error = {"code": 403, "message": "User not authorized to perform this action.", "status": "PERMISSION_DENIED"}
        return web.json_response({"error": error}, status=403)
    url = f"http://127.0.0.1:{EMULATOR}{request.path_qs}"
    async with ClientSession() as session:
        headers = {"content-type": request.headers["content-type"]}
        async with session.request(request.method, url, data=await request.read(), headers=headers) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)


async def revoke(_):
    TOKENS.clear()
    return web.json_response(ASKED)


app = web.Application(client_max_size=64 << 20)
app.router.add_post("/token", token)
app.router.add_post("/revoke", revoke)
app.router.add_route("*", "/v1/{rest:.*}", through)
web.run_app(app, host="127.0.0.1", port=PORT, print=None)
