// What keeps failing: issues, the dead letter queue, and what is done to many deliveries at once.

import type { Locator, Page } from "@playwright/test";

import { expectAccessible } from "../harness/access.ts";
import { sendEvent } from "../harness/api.ts";
import { ANA } from "../harness/dashboard.ts";
import { shoot } from "../harness/screenshots.ts";
import { type Project, expect, test } from "../harness/test.ts";

test.use({ account: ANA });

/** Gives up after the first try, and takes any number of failures. */
const IMPATIENT = { retry: { max_attempts: 1 }, circuit_breaker: { enabled: false } };
const NARROW = { width: 390, height: 844 };
const WIDE = { width: 1440, height: 900 };

async function route({ api }: Project, url: string, name: string): Promise<{ ingest: string; id: string }> {
  const source = await api.createSource(`shop-${name}`);
  const destination = await api.createDestination(name, url, IMPATIENT);
  await api.createConnection(source, destination);
  return { ingest: source.ingest_url, id: destination.id };
}

async function failTimes(project: Project, ingest: string, times: number): Promise<string[]> {
  const events: string[] = [];
  for (let number = 1; number <= times; number++) events.push(await sendEvent(ingest, { type: "order.placed", number }));
  await expect(async () => {
    const failed = await project.api.get<{ data: { id: string }[] }>("/events?status=failed&limit=250");
    expect(failed.data.filter(({ id }) => events.includes(id))).toHaveLength(times);
  }).toPass();
  return events;
}

function letters(page: Page): Locator {
  return page.getByRole("table", { name: "Dead letters" });
}

/** Rows of a table, without its head. */
function rows(table: Locator): Locator {
  return table.getByRole("row").filter({ has: table.page().getByRole("cell") });
}

async function expectFit(page: Page, name: string, picture = { inWindow: false }): Promise<void> {
  for (const size of [NARROW, WIDE]) {
    await page.setViewportSize(size);
    const [content, window_] = await page.evaluate(() => [document.scrollingElement?.scrollWidth ?? 0, innerWidth] as const);
    expect.soft(content, `${name} is no wider than the window`).toBeLessThanOrEqual(window_);
    await expectAccessible(page);
  }
  await shoot(page, name, picture);
}

test("an endpoint fails, is mended, and takes everything", async ({ dashboard, page, project, receiver }) => {
  const { ingest, id } = await route(project, receiver.url, "Billing");
  await dashboard.open(`${project.path}/issues`);
  await expect(page.getByRole("heading", { name: "Nothing fails" })).toBeVisible();
  await expectFit(page, "issues-empty");

  // It appears while one looks.
  receiver.answer = { status: 500, body: "the database is away" };
  await failTimes(project, ingest, 3);
  const issues = page.getByRole("table", { name: "Issues" });
  await expect(rows(issues)).toHaveCount(1);
  await expect(rows(issues)).toContainText("HTTP 500 from Billing");
  await expect(rows(issues)).toContainText("open");
  await expect(page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: /^Issues/ })).toContainText("1");
  await expectFit(page, "issues");
  // By the keyboard alone.
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await dashboard.expectPage("HTTP 500 from Billing");
  await expect(rows(letters(page))).toHaveCount(3);
  await expect(page.getByText("the database is away")).toBeVisible();
  await expectFit(page, "issue");

  await dashboard.button("Acknowledge").click();
  await expect(page.locator(".page-header").getByText("acknowledged", { exact: true })).toBeVisible();
  await page.locator("summary").filter({ hasText: "Snooze" }).click();
  await dashboard.button("For an hour").click();
  await expect(page.locator(".page-header").getByText("snoozed", { exact: true })).toBeVisible();
  await dashboard.button("End snooze").click();
  await expect(page.locator(".page-header").getByText("acknowledged", { exact: true })).toBeVisible();

  receiver.answer = { status: 200 };
  await dashboard.button("Retry all").click();
  await expect(page.getByText("3 deliveries queued").first()).toBeVisible();
  await expect(page.getByText("Nothing of it is in the dead letter queue any more.")).toBeVisible();
  const left = page.getByRole("table", { name: "Deliveries" });
  await expect(rows(left)).toHaveCount(3);
  await expect(rows(left).filter({ hasText: "succeeded" })).toHaveCount(3);
  await dashboard.button("Resolve").click();
  await expect(page.locator(".page-header").getByText("resolved", { exact: true })).toBeVisible();
  await expectFit(page, "issue-resolved");
  expect(receiver.received).toHaveLength(6);

  // It is out of the way, and can be found again.
  await dashboard.open(`${project.path}/issues`);
  await expect(page.getByRole("heading", { name: "Nothing fails" })).toBeVisible();
  await page.getByRole("group", { name: "Filters" }).getByRole("link", { name: "resolved" }).click();
  await expect(page).toHaveURL(/state=resolved/);
  await expect(rows(issues)).toContainText("HTTP 500 from Billing");

  // Until it fails so once more.
  receiver.answer = { status: 500 };
  await failTimes(project, ingest, 1);
  await dashboard.open(`${project.path}/destinations/${id}`);
  await expect(rows(issues)).toContainText("open");
  await rows(issues).getByRole("link").click();
  await dashboard.expectPage("HTTP 500 from Billing");
  await expect(page.getByText("once", { exact: true })).toBeVisible();
});

test("dead letters are selected, retried and purged", async ({ dashboard, page, project, receiver }) => {
  const { ingest } = await route(project, receiver.url, "orders");
  await dashboard.open(`${project.path}/dead-letters`);
  await expect(page.getByRole("heading", { name: "No dead letters" })).toBeVisible();
  await expectFit(page, "dead-letters-empty");
  const other = await route(project, "http://127.0.0.1:1/", "away");
  receiver.answer = { status: 503 };
  const events = await failTimes(project, ingest, 4);
  await failTimes(project, other.ingest, 1);
  await expect(rows(letters(page))).toHaveCount(5);
  await expect(page.getByText("5 deliveries match").first()).toBeVisible();

  // Two that are selected are delivered.
  receiver.answer = { status: 200 };
  for (const event of events.slice(0, 2)) {
    await rows(letters(page)).filter({ has: page.locator(`a[href$="${event}"]`) }).getByRole("checkbox").check();
  }
  const bar = page.getByRole("region", { name: "Selected rows" });
  await expect(bar).toContainText("2 selected");
  await expectFit(page, "dead-letters-selected");
  await bar.getByRole("button", { name: "Retry" }).click();
  await expect(page.getByText("2 deliveries queued").first()).toBeVisible();
  await expect(rows(letters(page))).toHaveCount(3);
  await expect(bar).toBeHidden();
  await receiver.request(6);

  // One destination's, all that match, purged after a question.
  await page.getByRole("group", { name: "Filters" }).locator("summary").filter({ hasText: "Destination" }).click();
  await page.getByRole("group", { name: "Filters" }).getByRole("link", { name: "orders" }).click();
  await expect(page).toHaveURL(/destination=dst(_|%5F)/);
  await expect(rows(letters(page))).toHaveCount(2);
  await page.locator("summary").filter({ hasText: "Purge all" }).click();
  const dialog = page.getByRole("dialog", { name: "Purge all that match?" });
  await expect(dialog).toContainText("2 deliveries match");
  await expectFit(page, "dead-letters-purge", { inWindow: true });
  await dialog.getByRole("button", { name: "Purge all" }).click();
  await expect(page.getByText("2 deliveries purged").first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "No dead letter matches" })).toBeVisible();
  expect(receiver.received).toHaveLength(6);

  // Those that are shown at once.
  await dashboard.open(`${project.path}/dead-letters`);
  await expect(rows(letters(page))).toHaveCount(1);
  await page.getByLabel("Select those shown").check();
  await expect(bar).toContainText("1 selected");
  await bar.locator("summary").filter({ hasText: "Purge" }).click();
  await page.getByRole("dialog", { name: "Purge those selected?" }).getByRole("button", { name: "Purge", exact: true }).click();
  await expect(page.getByRole("heading", { name: "No dead letters" })).toBeVisible();
  const state = await project.api.get<{ data: { status: string }[] }>("/events?status=failed");
  expect(state.data, "what is purged stays failed").toHaveLength(3);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("issues and dead letters are read and worked off", async ({ complaints, dashboard, page, project, receiver }) => {
    // It fetches the scripts all the same, and refuses to run them.
    complaints.foresee(/^request failed: GET \S+\.js: csp$/);
    const { ingest } = await route(project, receiver.url, "Billing");
    receiver.answer = { status: 500 };
    const events = await failTimes(project, ingest, 3);
    await dashboard.open(`${project.path}/issues`);
    await dashboard.link("HTTP 500 from Billing").click();
    await dashboard.expectPage("HTTP 500 from Billing");
    await dashboard.button("Acknowledge").click();
    await expect(page.locator(".page-header").getByText("acknowledged", { exact: true })).toBeVisible();
    await dashboard.open(`${project.path}/dead-letters`);
    await expect(rows(letters(page))).toHaveCount(3);
    receiver.answer = { status: 200 };
    await rows(letters(page)).filter({ has: page.locator(`a[href$="${events[0]}"]`) }).getByRole("checkbox").check();
    await page.getByRole("region", { name: "Selected rows" }).getByRole("button", { name: "Retry" }).click();
    await expect(rows(letters(page))).toHaveCount(2);
    await expect(page.getByText("1 delivery queued")).toBeVisible();
    await dashboard.button("Retry all").click();
    await expect(page.getByRole("heading", { name: "No dead letters" })).toBeVisible();
    await receiver.request(6);
  });
});
