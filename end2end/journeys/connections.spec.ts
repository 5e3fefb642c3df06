// Connections: rules that are built, written, tried on events and saved; why an event did or did not go over one; and the
// picture of all of them.

import type { Locator, Page } from "@playwright/test";

import { sendEvent } from "../harness/api.ts";
import { ANA } from "../harness/dashboard.ts";
import { type Project, expect, test } from "../harness/test.ts";

test.use({ account: ANA });

/** A source with three events and a destination, which nothing connects yet. */
async function shop({ api }: Project, url: string) {
  const source = await api.createSource("shop");
  const destination = await api.createDestination("orders", url);
  const events: string[] = [];
  for (const [type, total] of [["order.paid", 120], ["order.opened", 42], ["order.paid", 7]] as const) {
    events.push(await sendEvent(source.ingest_url, { type, data: { id: `A-${total}`, total, items: [{ price: total }] } }));
  }
  return { source, destination, events };
}

function pane(page: Page): Locator {
  return page.getByRole("complementary", { name: "Try it" });
}

/** What the pane says of the event in its head. */
function state(page: Page): Locator {
  return pane(page).locator(".trial-state").first();
}

const json = (page: Page) => page.getByRole("textbox", { name: "Filter as JSON" });
const transform = (page: Page) => page.getByRole("textbox", { name: "JSONata expression" });

test("a filter is built as rules, is JSON as well, and is saved once it is right", async ({ complaints, dashboard, page, project, receiver }) => {
  complaints.foresee(/status of 422/);
  const { source, destination } = await shop(project, receiver.url);
  await dashboard.open(`${project.path}/connections/new`);
  await expect(page.getByText("Without rules every event of the source goes through.")).toBeVisible();

  await dashboard.button("Rule").click();
  const fields = page.getByLabel("Field", { exact: true });
  const values = page.getByLabel("Value", { exact: true });
  await expect(fields.first()).toBeFocused();
  await fields.first().fill("payload.type");
  await values.first().fill("order.paid");
  await expect(state(page)).toHaveText("would be delivered");
  await expect(page.getByText('found "order.paid"').first()).toBeVisible();

  // The other view is the same text.
  await dashboard.button("JSON").click();
  await expect.poll(async () => JSON.parse(await json(page).inputValue())).toEqual({
    all: [{ field: "payload.type", op: "eq", value: "order.paid" }],
  });
  await json(page).fill('{"all": [{"field": "payload.type", "op": "eq", "value": "order.paid"}, ');
  await dashboard.expectError("Filter as JSON", /Is not JSON: .*line 1/);
  await dashboard.button("Rules").click();
  await expect(page.getByText("This filter is not shown as rules")).toBeVisible();
  await dashboard.button("JSON").click();
  await json(page).fill(
    '{"all": [{"field": "payload.type", "op": "eq", "value": "order.paid"}, {"any": [{"field": "payload.data.total", "op": "gte", "value": 100}]}]}',
  );
  await dashboard.button("Rules").click();
  await expect(page.getByRole("group", { name: "Any of these" })).toBeVisible();
  await expect(fields).toHaveCount(2);
  await expect(values.nth(1)).toHaveValue("100");

  // By the keyboard: down into the group, up again, and away.
  await fields.first().focus();
  await page.keyboard.press("Alt+ArrowDown");
  await expect(page.getByRole("group", { name: "Any of these" }).getByLabel("Field", { exact: true })).toHaveCount(2);
  await expect(fields.first()).toBeFocused();
  await expect(fields.first()).toHaveValue("payload.type");
  await page.keyboard.press("Alt+ArrowUp");
  await expect(page.getByRole("group", { name: "Any of these" }).getByLabel("Field", { exact: true })).toHaveCount(1);
  await dashboard.button("Rule").last().click();
  await fields.last().fill("payload.data.id");
  await page.getByLabel("Comparison", { exact: true }).last().selectOption("matches");
  await values.last().fill("A-(");

  // Refused, with everything kept, and the error at its rule.
  await expect(page.getByLabel("Field", { exact: true }).last()).toHaveAttribute("aria-invalid", "true");
  await dashboard.button("Create connection").click();
  await expect(page.getByRole("alert").first()).toBeFocused();
  await expect(page.getByRole("alert").first()).toContainText("Filter");
  await expect(values.last()).toHaveValue("A-(");
  await values.last().fill("^A-");
  await expect(page.getByLabel("Field", { exact: true }).last()).not.toHaveAttribute("aria-invalid", "true");
  await dashboard.button("Create connection").click();
  await dashboard.expectPage("Connections");
  const saved = await project.api.get<{ data: { filter: unknown; source_id: string; destination_id: string }[] }>("/connections");
  expect(saved.data[0]).toMatchObject({
    source_id: source.id,
    destination_id: destination.id,
    filter: {
      all: [
        { field: "payload.type", op: "eq", value: "order.paid" },
        { any: [{ field: "payload.data.total", op: "gte", value: 100 }] },
        { field: "payload.data.id", op: "matches", value: "^A-" },
      ],
    },
  });

  // One event fits, and it alone arrives.
  await sendEvent(source.ingest_url, { type: "order.paid", data: { id: "A-1", total: 5 } });
  await sendEvent(source.ingest_url, { type: "order.paid", data: { id: "A-2", total: 500 } });
  expect(JSON.parse((await receiver.request(1)).body.toString()).data.id).toBe("A-2");
});

test("a transform is tried while it is typed, with the place of what is wrong", async ({ dashboard, page, project, receiver }) => {
  const { source, destination } = await shop(project, receiver.url);
  const connection = await project.api.createConnection(source, destination);
  await dashboard.open(`${project.path}/connections/${connection.id}`);
  await expect(state(page)).toHaveText("would be delivered");
  await expect(pane(page)).toContainText("It is sent as it came.");

  await transform(page).pressSequentially('{"order": data.id, "total": $sum(data.items.price');
  await expect(state(page)).toHaveText("cannot be saved yet");
  await dashboard.expectError("JSONata expression", /\S/);
  await expect(page.locator(".editor-form .caret-line")).toContainText("^");
  await transform(page).pressSequentially(")}");
  await expect(state(page)).toHaveText("would be delivered");
  await expect(page.locator(".editor-form .caret-line")).toHaveCount(0);
  await expect(pane(page).locator(".diff-line.new").filter({ hasText: '"total": 7' })).toBeVisible();
  await dashboard.button("After").click();
  await expect(pane(page).locator(".json-view")).toContainText('"order"');

  // One that parses and fails with this event says where.
  await transform(page).fill("$uppercase(data.total)");
  await expect(state(page)).toHaveText("the transform fails");
  await expect(pane(page)).toContainText("T0410");
  await expect(pane(page).locator(".caret-line")).toContainText("$uppercase(data.total)");

  // A body of one's own.
  await page.getByLabel("Event", { exact: true }).selectOption("written");
  await page.getByRole("textbox", { name: "Body" }).fill('{"data": {"total": "seven"}}');
  await expect(state(page)).toHaveText("would be delivered");
  await expect(pane(page)).toContainText("SEVEN");

  await transform(page).fill('{"total": data.total}');
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("Connections");
  await sendEvent(source.ingest_url, { data: { total: 9 } });
  expect(JSON.parse((await receiver.request(1)).body.toString())).toEqual({ total: 9 });
});

test("what would have happened is counted before it is saved", async ({ dashboard, page, project, receiver }) => {
  const { source, destination, events } = await shop(project, receiver.url);
  const filter = { field: "payload.type", op: "eq", value: "order.paid" };
  const connection = await project.api.createConnection(source, destination, { filter });
  await dashboard.open(`${project.path}/connections/${connection.id}`);
  await expect(pane(page).getByRole("heading", { name: "The last 3 events" })).toBeVisible();
  await expect(pane(page)).toContainText("The same as the saved connection.");
  await expect(dashboard.button("Delivered 2")).toBeVisible();

  await page.getByLabel("Value", { exact: true }).fill("order.opened");
  await expect(page.getByText("Compared with what is saved, 1 more would be delivered, 2 fewer.").first()).toBeVisible();
  await dashboard.button("Not matched 2").click();
  await expect(pane(page).locator(".hindsight-line")).toHaveCount(2);
  // Any of them is a click away from being tried, and from being read.
  await dashboard.button(`Try ${short(events[0]!)}`).click();
  await expect(page.getByLabel("Event", { exact: true })).toHaveValue(events[0]!);
  await expect(state(page)).toHaveText("not matched");
  await expect(pane(page)).toContainText('found "order.paid"');
  await pane(page).locator(".hindsight-line").last().getByRole("link").click();
  await dashboard.expectPage("order.paid");
});

test("a schema is inferred, and tells what it would reject", async ({ dashboard, page, project, receiver }) => {
  const { source, destination } = await shop(project, receiver.url);
  const connection = await project.api.createConnection(source, destination);
  await dashboard.open(`${project.path}/connections/${connection.id}`);
  await dashboard.button("Infer from recent events").click();
  await expect(page.getByText("Made from the last 3 events")).toBeVisible();
  await expect(pane(page)).toContainText("The schema allows it");
  await page.getByLabel("Event", { exact: true }).selectOption("written");
  await page.getByRole("textbox", { name: "Body" }).fill('{"type": "order.paid", "data": 7}');
  await expect(state(page)).toHaveText("the schema rejects it");
  await expect(pane(page)).toContainText("/data");
  await dashboard.field("When a payload does not").selectOption("warn");
  await expect(state(page)).toHaveText("would be delivered");
});

test("an event says why each connection took it or not", async ({ dashboard, page, project, receiver }) => {
  const { source, destination } = await shop(project, receiver.url);
  const stock = await project.api.createDestination("stock", receiver.url);
  const filter = { all: [{ field: "payload.data.total", op: "gte", value: 100 }] };
  const connection = await project.api.createConnection(source, destination, { filter, name: "large orders" });
  await project.api.createConnection(source, stock);
  const event = await sendEvent(source.ingest_url, { type: "order.paid", data: { total: 12 } });
  await dashboard.open(`${project.path}/events/${event}`);
  const large = page.locator(".event-route").filter({ hasText: "large orders" });
  await expect(large).toContainText("not matched");
  await expect(large).toContainText("payload.data.total is at least 100");
  await expect(large).toContainText("found 12");
  await expect(page.locator(".event-route").filter({ hasText: "to stock" })).toContainText("succeeded");
  await large.getByRole("link", { name: "Try its rules" }).click();
  await dashboard.expectPage("large orders");
  await expect(page).toHaveURL(new RegExp(`/connections/${connection.id}\\?event=${event}`));
  await expect(page.getByLabel("Event", { exact: true })).toHaveValue(event);
  await expect(state(page)).toHaveText("not matched");
});

test("the picture shows every route and its state", async ({ dashboard, page, project, receiver }) => {
  const { source, destination } = await shop(project, receiver.url);
  const filter = { field: "payload.type", op: "eq", value: "order.paid" };
  await project.api.createConnection(source, destination, { filter });
  const stock = await project.api.createDestination("stock", receiver.url);
  await project.api.createConnection(source, stock, { status: "disabled", name: "to the stock" });
  await dashboard.open(`${project.path}/connections`);
  const picture = page.getByRole("group", { name: "Routes" });
  const paid = picture.getByRole("link", { name: /^Route from shop to orders/ });
  await expect(paid).toHaveAccessibleName(/filtered/);
  await expect(picture.getByRole("link", { name: /^Route from shop to stock/ })).toHaveAccessibleName(/disabled/);
  // It follows along.
  await sendEvent(source.ingest_url, { type: "order.paid" });
  await receiver.request(1);
  await expect(paid).toHaveAccessibleName(/\b1$/);
  await paid.focus();
  await page.keyboard.press("Enter");
  await dashboard.expectPage("shop → orders");
});

test("the picture shows a destination whose circuit is open", async ({ dashboard, page, project }) => {
  const source = await project.api.createSource("shop");
  const away = await project.api.createDestination("away", "http://127.0.0.1:1/", {
    circuit_breaker: { failure_threshold: 1, reset_seconds: 600 },
  });
  await project.api.createConnection(source, away);
  await sendEvent(source.ingest_url, {});
  await expect.poll(async () => (await project.api.get<{ state: string }>(`/destinations/${away.id}/circuit`)).state).toBe("open");
  await dashboard.open(`${project.path}/connections`);
  const picture = page.getByRole("group", { name: "Routes" });
  await expect(picture.getByRole("link", { name: /^away/ })).toHaveAccessibleName(/breaker open.*1 waiting/);
});

test("an empty source says how to send it something, and reacts when it comes", async ({ dashboard, page, project }) => {
  const source = await project.api.createSource("quiet");
  await dashboard.open(`${project.path}/connections/new?source=${source.id}`);
  await expect(pane(page)).toContainText("Waiting for the first event of this source");
  await expect(pane(page)).toContainText(`curl ${source.ingest_url}`);
  await sendEvent(source.ingest_url, { type: "hello" });
  await expect(state(page)).toHaveText("would be delivered");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("rules are texts that are posted, and what was typed is kept", async ({ complaints, dashboard, page, project, receiver }) => {
    complaints.foresee(/^request failed: GET \S+\.js: csp$/);
    await shop(project, receiver.url);
    await dashboard.open(`${project.path}/connections/new`);
    const filter = '{"field": "payload.type", "op": "is", "value": "order.paid"}';
    await json(page).fill(filter);
    await transform(page).fill("data");
    await dashboard.button("Create connection").click();
    await dashboard.expectPage("New connection");
    await dashboard.expectError("Filter as JSON", /op: must be eq/);
    await expect(json(page)).toHaveValue(filter);
    await expect(transform(page)).toHaveValue("data");
    await json(page).fill(filter.replace('"is"', '"eq"'));
    await dashboard.button("Create connection").click();
    await dashboard.expectPage("Connections");
    const saved = await project.api.get<{ data: { transform: string }[] }>("/connections");
    expect(saved.data[0]?.transform).toBe("data");
  });
});

/** An id as the dashboard shortens it. */
function short(id: string): string {
  return `${id.slice(0, 10)}…${id.slice(-6)}`;
}
