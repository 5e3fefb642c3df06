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

test("a page that is about to be deleted looks for nothing more", async ({ dashboard, page, project }) => {
  const left = await project.api.createSource("left");
  const { ingest_url: other } = await project.api.createSource("other");
  // What the server says while the page waits to hear that its source is gone.
  let hear: (frame: string) => void = () => {};
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => hear(payload.toString())));
  await page.route("**/api/sources/delete", async (route) => {
    const answer = await route.fetch({ maxRedirects: 0 });
    const change = new Promise<void>((resolve) => {
      hear = (frame) => {
        if ((JSON.parse(frame) as { type: string }).type === "change") resolve();
      };
    });
    await sendEvent(other, { type: "meanwhile" });
    await change;
    await route.fulfill({ response: answer });
  });
  const subscribed = new Promise<void>((resolve) => {
    hear = (frame) => {
      if ((JSON.parse(frame) as { type: string }).type === "subscribed") resolve();
    };
  });
  await dashboard.open(`${project.path}/sources/${left.id}`);
  await subscribed;
  await page.locator("summary").filter({ hasText: "Delete source" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete left?" });
  await dialog.getByLabel(/^Type left to confirm/).fill("left");
  await dialog.getByRole("button", { name: "Delete source" }).click();
  await dashboard.expectPage("Sources");
  await expect(dashboard.link("left")).toHaveCount(0);
});
