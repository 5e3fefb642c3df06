// The REST API, for what a journey needs and does not look at.

export class Api {
  readonly #base: string;
  readonly #key: string;

  constructor(base: string, key: string) {
    this.#base = base;
    this.#key = key;
  }

  /** The answer as it is, whatever its status. */
  async send(method: string, path: string, body?: unknown): Promise<Response> {
    return await fetch(`${this.#base}/v1${path}`, {
      method,
      headers: { "x-api-key": this.#key, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async get<T>(path: string): Promise<T> {
    return await this.#successful<T>("GET", path);
  }

  async post<T>(path: string, body: unknown = {}): Promise<T> {
    return await this.#successful<T>("POST", path, body);
  }

  async createSource(name: string, more: object = {}): Promise<{ id: string; ingest_url: string }> {
    return await this.post("/sources", { name, ...more });
  }

  async createDestination(name: string, url: string, more: object = {}): Promise<{ id: string }> {
    return await this.post("/destinations", { name, type: "http", config: { url }, ...more });
  }

  async createConnection(source: { id: string }, destination: { id: string }, more: object = {}): Promise<{ id: string }> {
    return await this.post("/connections", { source_id: source.id, destination_id: destination.id, ...more });
  }

  async #successful<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.send(method, path, body);
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
}

/** Posts an event to an unverified source and returns its id. */
export async function sendEvent(ingestUrl: string, event: object): Promise<string> {
  const answer = await fetch(ingestUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(event),
  });
  if (!answer.ok) throw new Error(`${ingestUrl}: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { event_id: string }).event_id;
}
