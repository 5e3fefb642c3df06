// Where letters arrive: an SMTP server that keeps what it is given.

import { once } from "node:events";
import { type Server, type Socket, createServer } from "node:net";

export interface Letter {
  to: string;
  subject: string;
  text: string;
}

const WAIT_LIMIT_MS = 15_000;

export class PostOffice {
  readonly port: number;
  readonly letters: Letter[] = [];
  readonly #server: Server;
  #waiting: (() => void)[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async open(): Promise<PostOffice> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port is free");
    return new PostOffice(server, address.port);
  }

  /** What a server is told so that its letters come here. */
  get settings(): Record<string, string> {
    return {
      HOOKSTREAM_SMTP_URL: `smtp://127.0.0.1:${this.port}?tls=none`,
      HOOKSTREAM_MAIL_FROM: "hookstream <hooks@example.com>",
    };
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, "close");
  }

  /** The first letter to this address with this subject. */
  async letter(to: string, subject: string): Promise<Letter> {
    const end = Date.now() + WAIT_LIMIT_MS;
    for (;;) {
      const found = this.letters.find((letter) => letter.to === to && letter.subject === subject);
      if (found !== undefined) return found;
      const left = end - Date.now();
      if (left <= 0) throw new Error(`no letter ${subject} to ${to} came: ${JSON.stringify(this.letters)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #serve(socket: Socket): void {
    let pending = "";
    let to = "";
    let data: string[] | undefined;
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    const hear = (line: string): void => {
      if (data !== undefined) {
        if (line !== ".") {
          data.push(line.startsWith(".") ? line.slice(1) : line);
          return;
        }
        this.#keep(to, data.join("\r\n"));
        data = undefined;
        say("250 taken");
      } else if (/^EHLO /i.test(line)) say("250 post.test");
      else if (/^RCPT TO:<(.*)>/i.test(line)) {
        to = /<(.*)>/.exec(line)?.[1] ?? "";
        say("250 ok");
      } else if (line === "DATA") {
        data = [];
        say("354 go on");
      } else if (line === "QUIT") {
        say("221 bye");
        socket.end();
      } else say("250 ok");
    };
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      const lines = (pending + chunk.toString("latin1")).split("\r\n");
      pending = lines.pop() ?? "";
      lines.forEach(hear);
    });
    say("220 post.test ESMTP");
  }

  #keep(to: string, message: string): void {
    const [head = "", ...rest] = message.split("\r\n\r\n");
    const header = (name: string): string => new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1] ?? "";
    const encoded = rest.join("\r\n\r\n");
    const encoding = header("Content-Transfer-Encoding");
    const bytes =
      encoding === "base64"
        ? Buffer.from(encoded, "base64")
        : Buffer.from(encoding === "quoted-printable" ? quotedPrintable(encoded) : encoded, "latin1");
    this.letters.push({ to, subject: header("Subject"), text: bytes.toString("utf8") });
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** The only link in a letter, as a path of the server. */
export function pathIn({ text }: Letter): string {
  const link = /https?:\S+/.exec(text)?.[0];
  if (link === undefined) throw new Error(`there is no link in ${text}`);
  const url = new URL(link);
  return url.pathname + url.search;
}

function quotedPrintable(text: string): string {
  return text
    .replaceAll("=\r\n", "")
    .replace(/=([0-9A-F]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
