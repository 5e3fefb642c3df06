// Deliveries that fail: what the inspector says of them, and what can be done.

import { sendEvent } from "../harness/api.ts";
import { ANA } from "../harness/dashboard.ts";
import { type Project, expect, test } from "../harness/test.ts";

test.use({ account: ANA });

/** Long enough that no retry comes by itself while a journey lasts. */
const PATIENT = { strategy: "schedule", intervals_seconds: [3600], max_attempts: 5, jitter: 0 };

async function route({ api }: Project, url: string, destination: object): Promise<string> {
  const source = await api.createSource("shop");
  await api.createConnection(source, await api.createDestination("orders", url, destination));
  return source.ingest_url;
}

test("a delivery that failed waits, and is retried by hand", async ({ dashboard, page, project, receiver }) => {
  const ingestUrl = await route(project, receiver.url, { retry: PATIENT });
  receiver.answerNext({ status: 500, body: "the database is away" });
  const event = await sendEvent(ingestUrl, { type: "order.placed", number: 7 });
  await receiver.request(1);
  await dashboard.open(`${project.path}/events/${event}`);
  await dashboard.expectPage("order.placed");
  const delivery = dashboard.delivery("orders");
  await expect(delivery).toContainText("waiting");
  await expect(delivery).toContainText("1 attempt");
  await expect(delivery).toContainText(/next try in (59|60) min|next try in 1 h/);
  await expect(delivery.getByRole("img", { name: /Attempt 1: .*500.*Next attempt / })).toBeVisible();
  const first = dashboard.attempt(delivery, 1);
  await first.locator("summary").click();
  await expect(first).toContainText("Status 500");
  await expect(first).toContainText("the database is away");

  await delivery.getByRole("button", { name: "Retry" }).click();
  await expect(delivery).toContainText("succeeded");
  await expect(delivery).toContainText("2 attempts");
  await expect(delivery).not.toContainText("next try");
  await expect(first, "what was open stays open").toHaveAttribute("open");
  await expect(first).toContainText("the database is away");
  const second = dashboard.attempt(delivery, 2);
  await expect(second).toContainText("manual");
  await second.locator("summary").click();
  await expect(second).toContainText("Status 200");
  await expect(page.getByRole("banner").or(page.locator(".page-header")).getByText("delivered", { exact: true })).toBeVisible();

  const [before, after] = [await receiver.request(1), await receiver.request(2)];
  expect(after.headers["webhook-id"]).toBe(before.headers["webhook-id"]);
  expect(after.body.equals(before.body)).toBe(true);
});

test("a retry comes by itself when its time has come", async ({ dashboard, project, receiver }) => {
  const ingestUrl = await route(project, receiver.url, { retry: { ...PATIENT, intervals_seconds: [1] } });
  receiver.answerNext({ status: 503 });
  const event = await sendEvent(ingestUrl, { type: "order.placed" });
  await dashboard.open(`${project.path}/events/${event}`);
  const delivery = dashboard.delivery("orders");
  await expect(delivery).toContainText("succeeded");
  await expect(dashboard.attempt(delivery, 1)).toContainText("503");
  await expect(dashboard.attempt(delivery, 2)).toContainText("retry");
  expect(receiver.received).toHaveLength(2);
});

test("a delivery that waits can be cancelled", async ({ dashboard, page, project, receiver }) => {
  const ingestUrl = await route(project, receiver.url, { retry: PATIENT });
  receiver.answer = { status: 500 };
  const event = await sendEvent(ingestUrl, { type: "order.placed" });
  await dashboard.open(`${project.path}/events/${event}`);
  const delivery = dashboard.delivery("orders");
  await expect(delivery).toContainText("waiting");
  await delivery.getByRole("button", { name: "Cancel" }).click();
  await expect(delivery).toContainText("cancelled");
  await expect(page.getByRole("status").getByText("Delivery cancelled")).toBeVisible();
  await expect(delivery.getByRole("button", { name: "Cancel" })).toHaveCount(0);
  await expect(delivery).not.toContainText("next try");
});

test("a receiver that hangs is given up in time, and one that is away is named", async ({ dashboard, page, project, receiver }) => {
  const { api } = project;
  const source = await api.createSource("shop");
  const slow = await api.createDestination("slow", receiver.url, { timeout_ms: 300, retry: { ...PATIENT, max_attempts: 1 } });
  await api.createConnection(source, slow);
  // Nothing listens there: the port is the one that browsers and servers never use.
  const away = await api.createDestination("away", "http://127.0.0.1:1/", { retry: { ...PATIENT, max_attempts: 1 } });
  await api.createConnection(source, away);
  receiver.answer = { status: 200, delayMs: 2_000 };
  const event = await sendEvent(source.ingest_url, { type: "order.placed" });
  await dashboard.open(`${project.path}/events/${event}`);
  const [hung, refused] = [dashboard.delivery("slow"), dashboard.delivery("away")];
  await expect(hung).toContainText("failed");
  await expect(hung).toContainText("no answer within 300 ms");
  await expect(hung).toContainText("Out of attempts");
  const attempt = dashboard.attempt(hung, 1);
  await attempt.locator("summary").click();
  await expect(attempt.getByText("timeout", { exact: true })).toBeVisible();
  await expect(refused).toContainText("failed");
  await dashboard.attempt(refused, 1).locator("summary").click();
  await expect(refused.getByText("connect", { exact: true })).toBeVisible();

  // From the list, all that failed is two clicks away.
  await dashboard.go("Events");
  await page.getByRole("group", { name: "Filters" }).getByRole("link", { name: "failed" }).click();
  await expect(page).toHaveURL(/status=failed/);
  await expect(page.getByRole("table", { name: "Events" }).getByRole("row").filter({ hasText: "order.placed" })).toContainText("failed");
  await page.getByRole("group", { name: "Filters" }).getByRole("link", { name: "delivered" }).click();
  await expect(page.getByRole("heading", { name: "No event matches" })).toBeVisible();
});
