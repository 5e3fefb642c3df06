// The real server, with a data folder of its own.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

import type { Person } from "./dashboard.ts";

const BINARY =
  process.env.HOOKSTREAM_BIN ?? fileURLToPath(new URL("../../target/debug/hookstream", import.meta.url));

const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 10_000;
const POLL_INTERVAL_MS = 25;

/** What `hookstream bootstrap` prints. */
export interface Bootstrap {
  org_id: string;
  env_id: string;
  api_key: string;
}

export class Server {
  readonly url: string;
  /** What was made before the start. */
  readonly made: Bootstrap | undefined;
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;
  #process: ChildProcess;
  #log = "";

  private constructor(url: string, env: NodeJS.ProcessEnv, folder: string, made: Bootstrap | undefined) {
    this.url = url;
    this.made = made;
    this.#env = env;
    this.#folder = folder;
    this.#process = this.#serve();
  }

  /** Starts a server: with one account, whose project has a key for all of the REST API, or with none. `settings` are its own. */
  static async start(account?: Person, settings: Record<string, string> = {}): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), "hookstream-journey-"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = {
      PATH: process.env.PATH,
      HOOKSTREAM_ADDR: `127.0.0.1:${port}`,
      HOOKSTREAM_PUBLIC_URL: url,
      HOOKSTREAM_DATA_DIR: folder,
      HOOKSTREAM_ALLOW_TARGETS: "127.0.0.0/8",
      HOOKSTREAM_SIGNUP: "open",
      ...settings,
    };
    const made = account && (await bootstrap(account, env));
    const server = new Server(url, env, folder, made);
    await server.#ready();
    return server;
  }

  /** What the server wrote so far, for the report of a failed journey. */
  get log(): string {
    return this.#log;
  }

  /** Ends the process, does `meanwhile`, and starts another one on the same data and address. */
  async restart(meanwhile: () => Promise<void>): Promise<void> {
    await this.#end();
    await meanwhile();
    this.#process = this.#serve();
    await this.#ready();
  }

  async stop(): Promise<void> {
    await this.#end();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #serve(): ChildProcess {
    const child = spawn(BINARY, ["serve"], { stdio: ["ignore", "pipe", "pipe"], env: this.#env });
    for (const output of [child.stdout, child.stderr]) {
      output?.on("data", (text: Buffer) => (this.#log += text.toString()));
    }
    return child;
  }

  async #end(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill("SIGTERM");
      const limit = setTimeout(() => this.#process.kill("SIGKILL"), STOP_LIMIT_MS);
      await ended;
      clearTimeout(limit);
    }
  }

  async #ready(): Promise<void> {
    let failure: Error | undefined;
    this.#process.once("error", (error) => (failure = error));
    const end = Date.now() + START_LIMIT_MS;
    while (Date.now() < end && failure === undefined && this.#process.exitCode === null) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    }
    await this.stop();
    throw new Error(`${BINARY} did not become ready: ${failure?.message ?? ""}\n${this.#log}`);
  }
}

async function bootstrap({ name, email, organization, password }: Person, env: NodeJS.ProcessEnv): Promise<Bootstrap> {
  const command = ["bootstrap", "--name", name, "--email", email, "--org", organization];
  const printed = await new Promise<string>((resolve, reject) => {
    const child = execFile(BINARY, command, { env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${BINARY} bootstrap failed: ${stderr}`, { cause: error }));
    });
    child.stdin?.end(`${password}\n`);
  });
  return JSON.parse(printed) as Bootstrap;
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  listener.close();
  await once(listener, "close");
  return address.port;
}
