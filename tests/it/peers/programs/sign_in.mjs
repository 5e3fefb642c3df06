// An OpenID provider that people sign in with. Whoever comes says who they are: /interaction/…?as=carla
// sign_in.mjs PORT [how clients show their secret]

import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const method = process.argv[3] ?? "client_secret_basic";
const people = {
  carla: { email: "carla@example.com", email_verified: true, name: "Carla" },
  unverified: { email: "unverified@example.com", email_verified: false, name: "Una" },
  nameless: {},
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "dashboard",
      client_secret: "a secret: with +/% in it",
      token_endpoint_auth_method: method,
      redirect_uris: ["http://hooks.test/oidc/callback"],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  features: { devInteractions: { enabled: false } },
  clientAuthMethods: [method],
  pkce: { required: () => true },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  async loadExistingGrant({ oidc }) {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid email profile");
    await grant.save();
    return grant;
  },
});
provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  const result = { login: { accountId: String(ctx.query.as) } };
  const to = await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
  ctx.status = 303;
  ctx.set("location", to);
});
provider.listen(port, "127.0.0.1");
