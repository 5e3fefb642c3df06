// What a journey gets: a fresh server, a receiver for its deliveries, and a page that must not
// complain.

import { type BrowserContext, test as base } from "@playwright/test";

import { Api } from "./api.ts";
import { markWhenAlive } from "./alive.ts";
import { Complaints } from "./complaints.ts";
import { Dashboard, type Person } from "./dashboard.ts";
import { PostOffice } from "./post-office.ts";
import { type People, Provider } from "./provider.ts";
import { Receiver } from "./receiver.ts";
import { Server } from "./server.ts";

interface Fixtures {
  /** Who is there before the server starts; nobody by default. */
  account: Person | undefined;
  /** Whether the server sends its letters to the post office. */
  sendsMail: boolean;
  postOffice: PostOffice;
  /** Who is at the OpenID provider that people can sign in with; there is none by default. */
  atProvider: People;
  provider: Provider;
  server: Server;
  receiver: Receiver;
  complaints: Complaints;
  dashboard: Dashboard;
  project: Project;
}

/** The project of the account, which is signed in. */
export interface Project {
  orgId: string;
  id: string;
  /** The address of its overview. */
  path: string;
  api: Api;
}

export const test = base.extend<Fixtures>({
  account: [undefined, { option: true }],

  sendsMail: [false, { option: true }],

  postOffice: async ({}, use) => {
    const office = await PostOffice.open();
    await use(office);
    await office.close();
  },

  atProvider: [{}, { option: true }],

  provider: async ({ atProvider }, use) => {
    const provider = await Provider.open(atProvider);
    await use(provider);
    await provider.close();
  },

  server: async ({ account, atProvider, postOffice, provider, sendsMail }, use, info) => {
    const server = await Server.start(account, {
      ...(sendsMail ? postOffice.settings : {}),
      ...(Object.keys(atProvider).length > 0 ? provider.settings : {}),
    });
    await use(server);
    await server.stop();
    if (info.status !== info.expectedStatus) {
      await info.attach("server.log", { body: server.log, contentType: "text/plain" });
    }
  },

  receiver: async ({}, use) => {
    const receiver = await Receiver.start();
    await use(receiver);
    await receiver.stop();
  },

  baseURL: async ({ server }, use) => {
    await use(server.url);
  },

  complaints: async ({}, use) => {
    const complaints = new Complaints();
    await use(complaints);
    test.expect(complaints.unforeseen, "what the pages complained about").toEqual([]);
  },

  context: async ({ context, complaints }, use) => {
    await watch(context, complaints);
    await use(context);
  },

  dashboard: async ({ page, javaScriptEnabled }, use) => {
    await use(new Dashboard(page, javaScriptEnabled !== false));
  },

  project: async ({ account, server, dashboard }, use) => {
    if (account === undefined || server.made === undefined) throw new Error("there is no account to use");
    const { org_id: orgId, env_id: id, api_key: key } = server.made;
    await dashboard.open("/sign-in");
    await dashboard.signIn(account.email, account.password);
    await dashboard.expectPage("Overview");
    await use({ orgId, id, path: `/p/${id}`, api: new Api(server.url, key) });
  },
});

/** Has the pages of another browser looked after as well. */
export async function watch(context: BrowserContext, complaints: Complaints): Promise<void> {
  await context.addInitScript(markWhenAlive);
  context.on("page", (page) => complaints.watch(page));
}

export { expect } from "@playwright/test";
