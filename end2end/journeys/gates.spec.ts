// When a destination is spared, and how it does: limits and order in its form, a circuit that is reset by hand, health,
// and the schedule of retries as a picture.

import type { Locator, Page } from "@playwright/test";

import { expectAccessible } from "../harness/access.ts";
import { sendEvent } from "../harness/api.ts";
import { ANA } from "../harness/dashboard.ts";
import { shoot } from "../harness/screenshots.ts";
import { expect, test } from "../harness/test.ts";

test.use({ account: ANA });

/** The card with this title. */
function card(page: Page, title: string): Locator {
  return page.locator("section.card").filter({ has: page.getByRole("heading", { name: title, exact: true }) });
}

const ONCE = { retry: { max_attempts: 1 } };

test("limits, order and a breaker are filled in, kept and changed", async ({ dashboard, page, project, receiver }) => {
  await dashboard.open(`${project.path}/destinations/new?type=http`);
  await dashboard.field("Name").fill("careful");
  await dashboard.field("URL").fill(receiver.url);
  await dashboard.field("Deliveries").fill("30");
  await dashboard.field("In each").selectOption("minute");
  await dashboard.field("At once").fill("2");
  await page.getByRole("radio", { name: /^Ordered/ }).check();
  await dashboard.field("Key").fill("payload.customer");
  await dashboard.field("Opens after").fill("3");
  await dashboard.field("Tries again after").fill("120");
  await dashboard.button("Create destination").click();
  await dashboard.expectPage("careful");
  await expect(page.getByText("at most 30 per minute, 2 at once")).toBeVisible();
  await expect(page.getByText("one after the other by payload.customer")).toBeVisible();
  await expect(page.getByText("Opens after 3 failures in a row, and tries again after 2 min")).toBeVisible();

  await dashboard.link("Edit").click();
  await dashboard.expectPage("Edit careful");
  await expect(dashboard.field("Deliveries")).toHaveValue("30");
  await expect(dashboard.field("In each")).toHaveValue("minute");
  await expect(dashboard.field("Key")).toHaveValue("payload.customer");
  await dashboard.field("Deliveries").fill("");
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("careful");
  await expect(page.getByText("at most 2 at once")).toBeVisible();
});

test("a circuit that has opened is reset by hand, and what waited is sent", async ({ dashboard, page, project, receiver }) => {
  const { api } = project;
  const source = await api.createSource("shop");
  const breaker = { circuit_breaker: { enabled: true, failure_threshold: 2, reset_seconds: 3600 } };
  const retry = { strategy: "schedule", intervals_seconds: [1], max_attempts: 10, jitter: 0 };
  const destination = await api.createDestination("orders", receiver.url, { ...breaker, retry });
  await api.createConnection(source, destination);
  receiver.answer = { status: 500 };
  const event = await sendEvent(source.ingest_url, { type: "order.placed" });
  await receiver.request(2);
  await dashboard.open(`${project.path}/destinations/${destination.id}`);
  const circuit = card(page, "Circuit breaker");
  await expect(circuit).toContainText("open");
  await shoot(page, "destination-open");
  await expect(page.getByRole("alert").or(page.locator(".alert")).filter({ hasText: "The last attempt failed" })).toContainText("500");

  await dashboard.go("Destinations");
  await expect(page.getByRole("row").filter({ hasText: "orders" })).toContainText("open");
  await shoot(page, "destinations");
  await dashboard.link("orders").click();
  await dashboard.expectPage("orders");
  receiver.answer = { status: 200 };
  await dashboard.button("Reset circuit").click();
  await expect(page.getByRole("status").getByText("Circuit closed")).toBeVisible();
  await expect(circuit).toContainText("closed");
  await expect(dashboard.button("Reset circuit")).toHaveCount(0);
  await receiver.request(3);
  await dashboard.open(`${project.path}/events/${event}`);
  await expect(dashboard.delivery("orders")).toContainText("succeeded");
});

test("the health of a destination is told at a glance", async ({ dashboard, page, project, receiver }) => {
  const { api } = project;
  const source = await api.createSource("shop");
  const destination = await api.createDestination("orders", receiver.url, ONCE);
  await api.createConnection(source, destination);
  receiver.answerNext({ status: 500 });
  for (let n = 0; n < 4; n += 1) {
    await sendEvent(source.ingest_url, { type: "order.placed", n });
    await receiver.request(n + 1);
  }
  // Counted beside the way of deliveries, every few seconds.
  await expect
    .poll(async () => (await api.get<{ hour: { attempts: number } }>(`/destinations/${destination.id}/health`)).hour.attempts, {
      timeout: 20_000,
    })
    .toBe(4);
  await dashboard.open(`${project.path}/destinations/${destination.id}`);
  const health = card(page, "Health");
  await expect(health).toContainText("75 %");
  await expect(health).toContainText("3 of 4 attempts");
  await expect(health.getByRole("table", { name: "Attempts" }).getByRole("row")).toHaveCount(25);
  await expectAccessible(page);
  await shoot(page, "destination-health");

  await dashboard.go("Destinations");
  const row = page.getByRole("row").filter({ hasText: "orders" });
  await expect(row).toContainText("75 %");
  await dashboard.link("Last 24 hours").click();
  await expect(page).toHaveURL(/over=day/);
  await expect(row).toContainText("75 %");
  await expectAccessible(page);
});

test("the schedule of retries is drawn while it is typed", async ({ dashboard, page, project }) => {
  await dashboard.open(`${project.path}/destinations/new?type=http`);
  const plan = page.locator("figure.retry-plan");
  await expect(plan).toContainText("6 attempts; given up after 1 d 2 h");
  await dashboard.field("Attempts").fill("3");
  await expect(plan).toContainText("3 attempts; given up after 5 min 30 s");
  await dashboard.field("Waits").fill("10 s, 1 min");
  await expect(plan).toContainText("given up after 1 min 10 s");
  await dashboard.field("Waits").fill("soon");
  await expect(plan).toContainText("makes no schedule yet");
  for (const [strategy, total] of [
    ["exponential", "1 min 30 s"],
    ["linear", "1 min 30 s"],
    ["fixed", "1 min"],
  ] as const) {
    await dashboard.field("Strategy").selectOption(strategy);
    await dashboard.field("First wait").fill("30");
    await expect(plan).toContainText(`given up after ${total}`);
  }
  await expect(plan.getByRole("listitem")).toHaveText(["Attempt 1: at once", /Attempt 2: after 30 s/, /Attempt 3: after 1 min/]);
  await dashboard.field("Attempts").fill("50");
  await shoot(page, "retry-plan");
  await dashboard.field("Attempts").fill("1");
  await expect(plan).toContainText("One attempt");
});
