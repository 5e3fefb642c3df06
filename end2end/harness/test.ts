// What a journey gets: a fresh server, a receiver for its deliveries, and a page that must not
// complain.

import { test as base } from "@playwright/test";

import { Complaints } from "./complaints.ts";
import { Receiver } from "./receiver.ts";
import { Server } from "./server.ts";

interface Fixtures {
  server: Server;
  receiver: Receiver;
  complaints: Complaints;
}

export const test = base.extend<Fixtures>({
  server: async ({}, use, info) => {
    const server = await Server.start();
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

  page: async ({ page, complaints }, use) => {
    complaints.watch(page);
    await use(page);
  },
});

export { expect } from "@playwright/test";
