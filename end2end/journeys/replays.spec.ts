// Stored events are sent again: what that would be is counted first, and the replay is looked at while it runs.

import { sendEvent } from "../harness/api.ts";
import { ANA } from "../harness/dashboard.ts";
import { shoot } from "../harness/screenshots.ts";
import { type Project, expect, test } from "../harness/test.ts";

test.use({ account: ANA });

interface Replay {
  id: string;
}

async function route({ api }: Project, url: string): Promise<{ id: string; ingest_url: string }> {
  const source = await api.createSource("shop");
  await api.createConnection(source, await api.createDestination("orders", url));
  return source;
}

/** Events that were delivered. */
async function delivered({ api }: Project, ingestUrl: string, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1) await sendEvent(ingestUrl, { type: "order.placed", number });
  await expect
    .poll(async () => (await api.get<{ data: unknown[] }>("/events?status=delivered")).data.length)
    .toBe(count);
}

test("what failed is counted, sent again and looked at", async ({ complaints, dashboard, page, project, receiver }) => {
  const source = await route(project, receiver.url);
  await dashboard.go("Replays");
  await expect(page.getByRole("heading", { name: "No replay yet" })).toBeVisible();
  await shoot(page, "replays-empty");
  await delivered(project, source.ingest_url, 3);

  await dashboard.open(`${project.path}/sources/${source.id}`);
  await page.getByRole("link", { name: "Replay…" }).click();
  await dashboard.expectPage("New replay");
  await expect(dashboard.field("Send")).toHaveValue(source.id);
  await expect(dashboard.field("From, in UTC")).toHaveCount(0);
  // The page itself is answered with 422.
  complaints.foresee(/status of 422/);
  await dashboard.field("Filter").fill('{"field": "payload.number", "op": "like", "value": 2}');
  await dashboard.button("Count what would be sent").click();
  await dashboard.alive();
  await dashboard.expectError("Filter", /op/i);
  await dashboard.field("Filter").fill('{"field": "payload.number", "op": "gte", "value": 2}');
  await dashboard.button("Count what would be sent").click();
  await dashboard.alive();
  await expect(page.getByRole("heading", { name: "What would be sent" })).toBeVisible();
  await expect(dashboard.button("Start: 2 deliveries")).toBeVisible();
  expect(receiver.received).toHaveLength(3);
  await shoot(page, "replay-counted");

  await dashboard.button("Start: 2 deliveries").click();
  await dashboard.expectPage("All of shop");
  await expect(page.locator(".page-header")).toContainText("completed");
  await expect(page.getByRole("progressbar", { name: "Progress of the replay" })).toHaveAttribute("value", "1.0000");
  const outcome = page.locator(".card").filter({ hasText: "Its deliveries" });
  await expect(outcome.getByText("Succeeded").locator("xpath=..")).toContainText("2");
  await expect(page.getByRole("table", { name: "Deliveries" }).getByRole("row")).toHaveCount(3);
  expect(receiver.received).toHaveLength(5);
  await shoot(page, "replay");

  await dashboard.go("Replays");
  await expect(page.getByRole("row").filter({ hasText: "All of shop" })).toContainText("completed");
  await shoot(page, "replays");
});

test("a replay is watched, paused, resumed and cancelled", async ({ dashboard, page, project, receiver }) => {
  const source = await route(project, receiver.url);
  await delivered(project, source.ingest_url, 30);
  const range = { from: "2020-01-01T00:00:00Z", to: "2999-01-01T00:00:00Z" };
  const { id } = await project.api.post<Replay>("/replays", { ...range, source_id: source.id, rate_per_second: 2 });
  await dashboard.open(`${project.path}/replays/${id}`);
  await expect(page.locator(".page-header")).toContainText("running");
  const made = page.locator(".stat").filter({ hasText: "Deliveries made" });
  await expect(made).toContainText(/[2-9]/);
  await shoot(page, "replay-running");
  await dashboard.button("Pause").click();
  await expect(page.locator(".page-header")).toContainText("paused");
  await dashboard.button("Resume").click();
  await expect(page.locator(".page-header")).toContainText("running");
  await page.locator("summary").filter({ hasText: "Cancel" }).click();
  await dashboard.button("Cancel the replay").click();
  await expect(page.locator(".page-header")).toContainText("cancelled");
  await expect(dashboard.button("Pause")).toHaveCount(0);
  expect(receiver.received.length).toBeLessThan(60);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a replay is counted and started", async ({ complaints, dashboard, page, project, receiver }) => {
    complaints.foresee(/^request failed: GET \S+\.js: csp$/);
    const source = await route(project, receiver.url);
    await delivered(project, source.ingest_url, 2);
    await dashboard.open(`${project.path}/replays/new?through=${source.id}`);
    await dashboard.field("No more than").fill("1");
    await dashboard.button("Count what would be sent").click();
    await dashboard.button("Start: 1 delivery").click();
    await dashboard.expectPage("All of shop");
    await receiver.request(3);
    await page.reload();
    await expect(page.locator(".page-header")).toContainText("completed");
  });
});
