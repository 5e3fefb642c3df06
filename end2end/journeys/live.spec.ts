// What a page shows keeps up with what happens, also after the connection was lost.

import { sendEvent } from "../harness/api.ts";
import { ANA } from "../harness/dashboard.ts";
import { expect, test } from "../harness/test.ts";

test.use({ account: ANA });

test("a list of events keeps up, and does so again after the server was started anew", async ({
  complaints,
  dashboard,
  page,
  project,
  server,
}) => {
  const sockets: string[] = [];
  page.on("websocket", (socket) => sockets.push(socket.url()));
  const { ingest_url: shop } = await project.api.createSource("shop");
  await sendEvent(shop, { type: "first" });
  await dashboard.open(`${project.path}/events`);
  const rows = page.locator(".row-link");
  const mark = page.locator(".live-mark");
  await expect(rows).toHaveCount(1);
  await expect(mark).toHaveText("Live: new events appear on top");
  await sendEvent(shop, { type: "second" });
  await expect(rows).toHaveCount(2);

  // Pages of one project share a connection.
  const opened = sockets.length;
  await dashboard.go("Overview");
  await dashboard.go("Events");
  await expect(rows).toHaveCount(2);
  await sendEvent(shop, { type: "third" });
  await expect(rows).toHaveCount(3);
  expect(sockets.length).toBe(opened);
  expect(sockets.at(-1)).toBe(`${server.url.replace("http", "ws")}/v1/ws?project=${project.id}`);

  // The browser reports each try that fails, and what the page looks at by itself meanwhile.
  complaints.foresee(/WebSocket connection to .* failed: .*ERR_CONNECTION_REFUSED/);
  complaints.foresee(/(Failed to load resource|request failed: POST .*\/api\/): .*ERR_CONNECTION_REFUSED/);
  await server.restart(async () => {
    await expect(mark).toHaveText("Not live: the connection to the server is lost");
  });
  await expect(mark).toHaveText("Live: new events appear on top");
  await sendEvent(shop, { type: "fourth" });
  await expect(rows).toHaveCount(4);
  await dashboard.alive();
});
