// An OpenID provider that people sign in with: whoever comes says by a link who they are.

import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { once } from "node:events";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";

/** Who is there, by their subjects. */
export type People = Record<string, { name: string; email: string }>;

interface Asked {
  subject: string;
  redirectUri: string;
  nonce: string;
  challenge: string;
}

const CLIENT = { id: "dashboard", secret: "a secret: with +/% in it" };

export class Provider {
  readonly issuer: string;
  readonly #server: Server;
  readonly #people: People;
  readonly #keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  readonly #codes = new Map<string, Asked>();

  private constructor(server: Server, port: number, people: People) {
    this.#server = server;
    this.#people = people;
    this.issuer = `http://127.0.0.1:${port}`;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response));
  }

  static async open(people: People): Promise<Provider> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port is free");
    return new Provider(server, address.port, people);
  }

  /** What a server is told so that people come here. */
  get settings(): Record<string, string> {
    return {
      HOOKSTREAM_OIDC_ISSUER: this.issuer,
      HOOKSTREAM_OIDC_CLIENT_ID: CLIENT.id,
      HOOKSTREAM_OIDC_CLIENT_SECRET: CLIENT.secret,
      HOOKSTREAM_OIDC_NAME: "Acme",
    };
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.issuer);
    const json = (status: number, value: unknown): void =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return json(200, {
          issuer: this.issuer,
          authorization_endpoint: `${this.issuer}/authorize`,
          token_endpoint: `${this.issuer}/token`,
          jwks_uri: `${this.issuer}/keys`,
          authorization_response_iss_parameter_supported: true,
        });
      case "/keys":
        return json(200, { keys: [{ ...this.#keys.publicKey.export({ format: "jwk" }), kid: "k1", use: "sig" }] });
      case "/authorize":
        return this.#authorize(url, response);
      case "/token": {
        const token = this.#exchange(request.headers.authorization ?? "", new URLSearchParams(await bodyOf(request)));
        return token === undefined ? json(400, { error: "invalid_grant" }) : json(200, { id_token: token });
      }
      default:
        response.writeHead(404).end();
    }
  }

  #authorize(url: URL, response: ServerResponse): void {
    const query = (name: string): string => url.searchParams.get(name) ?? "";
    const subject = query("as");
    if (this.#people[subject] === undefined) {
      const links = Object.entries(this.#people).map(([id, { name }]) => {
        url.searchParams.set("as", id);
        return `<p><a href="${url.pathname}${url.search.replaceAll("&", "&amp;")}">${name}</a></p>`;
      });
      const head = `<!doctype html><html lang="en"><title>Acme</title><link rel="icon" href="data:,">`;
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(`${head}<h1>Who are you?</h1>${links.join("")}`);
      return;
    }
    const [code, redirectUri] = [randomUUID(), query("redirect_uri")];
    this.#codes.set(code, { subject, redirectUri, nonce: query("nonce"), challenge: query("code_challenge") });
    const back = new URL(redirectUri);
    back.search = new URLSearchParams({ code, state: query("state"), iss: this.issuer }).toString();
    response.writeHead(303, { location: back.href }).end();
  }

  #exchange(authorization: string, form: URLSearchParams): string | undefined {
    const code = form.get("code") ?? "";
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    const pair = [CLIENT.id, CLIENT.secret].map((text) => new URLSearchParams({ "": text }).toString().slice(1)).join(":");
    const isOurs = authorization === `Basic ${Buffer.from(pair).toString("base64")}`;
    if (!isOurs || asked?.challenge !== challenge || asked.redirectUri !== form.get("redirect_uri")) return undefined;
    const now = Math.floor(Date.now() / 1000);
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = { iss: this.issuer, aud: CLIENT.id, sub: asked.subject, iat: now, exp: now + 300, nonce: asked.nonce };
    const person = this.#people[asked.subject];
    const [name, email] = [person?.name, person?.email];
    const claims = encode({ ...token, name, email, email_verified: true });
    const signed = `${encode({ alg: "ES256", kid: "k1" })}.${claims}`;
    const signature = sign("sha256", Buffer.from(signed), { key: this.#keys.privateKey, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
