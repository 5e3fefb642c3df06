// Where deliveries arrive: records every request and answers as it was told.

import { once } from "node:events";
import { type IncomingHttpHeaders, type Server, createServer } from "node:http";

export interface Answer {
  status: number;
  body?: string;
  delayMs?: number;
}

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

const WAIT_LIMIT_MS = 15_000;

export class Receiver {
  readonly url: string;
  readonly received: Received[] = [];
  /** The answer to every request for which no other one is queued. */
  answer: Answer = { status: 200, body: "ok" };
  readonly #server: Server;
  readonly #queue: Answer[] = [];
  #waiting: (() => void)[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
    server.on("request", async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      this.received.push({
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks),
      });
      const answer = this.#queue.shift() ?? this.answer;
      for (const wake of this.#waiting.splice(0)) wake();
      if (answer.delayMs !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, answer.delayMs));
      }
      response.writeHead(answer.status, { "content-type": "text/plain" }).end(answer.body ?? "");
    });
  }

  static async start(): Promise<Receiver> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the receiver has no port");
    return new Receiver(server, address.port);
  }

  /** The next requests get these answers, one each. */
  answerNext(...answers: Answer[]): void {
    this.#queue.push(...answers);
  }

  /** The request of this number, counted from 1, as soon as it has arrived. */
  async request(number: number): Promise<Received> {
    const end = Date.now() + WAIT_LIMIT_MS;
    while (this.received.length < number) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`${this.received.length} of ${number} requests arrived`);
      await new Promise<void>((resolve) => {
        const limit = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(limit);
          resolve();
        });
      });
    }
    return this.received[number - 1]!;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
