// An OpenID provider that gives tokens to clients by their credentials, and says of a token what it is good for.
// oidc.mjs PORT

import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const client = (id, method, secret) => ({
  client_id: id,
  client_secret: secret,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: method,
  scope: "events.write",
});
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    client("by-basic", "client_secret_basic", "a secret: with +/% in it"),
    client("by-body", "client_secret_post", "another-secret"),
  ],
  scopes: ["events.write"],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  ttl: { ClientCredentials: 600 },
});
provider.listen(port, "127.0.0.1");
