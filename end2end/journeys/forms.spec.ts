// Forms with JavaScript: what was typed stays, what is wrong is said where it is, secrets stay hidden.

import { ANA, STRIPE_SECRET } from "../harness/dashboard.ts";
import { sendStripeEvent } from "../harness/stripe.ts";
import { expect, test } from "../harness/test.ts";

test.use({ account: ANA });

/** The browser reports a refused form; everything else would be a fault. */
const REFUSED = /status of 422/;

const EVENT = { id: "evt_1Q0form", type: "invoice.paid", data: {} };

test("a source: refused, made, changed, paused and deleted", async ({ complaints, dashboard, page, project }) => {
  complaints.foresee(REFUSED);
  await dashboard.open(`${project.path}/sources/new?template=stripe`);
  await dashboard.field("Name").fill("n".repeat(101));
  await dashboard.field("Description").fill("Payments");
  await dashboard.button("Create source").click();
  const summary = page.getByRole("alert");
  await expect(summary).toContainText("Some fields need a change.");
  await expect(summary).toBeFocused();
  await dashboard.expectError("Name", /Must be at most 100 characters\./);
  await dashboard.expectError("Signing secret", /Must hold the secret/);
  await expect(dashboard.field("Name")).toHaveValue("n".repeat(101));
  await expect(dashboard.field("Description")).toHaveValue("Payments");
  // The summary leads to the field.
  await summary.getByRole("link", { name: "Name", exact: true }).click();
  await expect(dashboard.field("Name")).toBeFocused();

  await dashboard.field("Name").fill("stripe-live");
  await dashboard.field("Signing secret").fill(STRIPE_SECRET);
  await dashboard.button("Create source").click();
  await dashboard.expectPage("stripe-live");
  const ingestUrl = await page.getByLabel("Ingest URL", { exact: true }).inputValue();

  // A change keeps the secret, which is shown masked.
  await dashboard.link("Edit").click();
  await dashboard.expectPage("Edit stripe-live");
  expect(await page.content()).not.toContain(STRIPE_SECRET);
  const kept = page.getByRole("group", { name: "Secrets in use" }).getByRole("checkbox");
  await expect(kept).toHaveCount(1);
  await expect(kept).toBeChecked();
  await dashboard.field("Name").fill("");
  await dashboard.field("Name").fill("stripe-eu");
  await dashboard.field("Tolerance").fill("600");
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("stripe-eu");
  expect((await sendStripeEvent(ingestUrl, STRIPE_SECRET, EVENT)).response.status).toBe(200);

  // Another secret beside it: both are taken. Then the first goes.
  const second = "whsec_anotherSecretOfTheSameEndpoint";
  await dashboard.link("Edit").click();
  await dashboard.field("Add a signing secret").fill(second);
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("stripe-eu");
  for (const secret of [STRIPE_SECRET, second]) {
    expect((await sendStripeEvent(ingestUrl, secret, EVENT)).response.status).toBe(200);
  }
  await dashboard.link("Edit").click();
  await expect(kept).toHaveCount(2);
  await kept.first().uncheck();
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("stripe-eu");
  expect((await sendStripeEvent(ingestUrl, STRIPE_SECRET, EVENT)).response.status).toBe(401);
  expect((await sendStripeEvent(ingestUrl, second, EVENT)).response.status).toBe(200);

  await dashboard.button("Pause").click();
  await expect(page.getByText("This source is paused")).toBeVisible();
  await expect(page.getByRole("status").getByText("Saved")).toBeVisible();
  expect((await sendStripeEvent(ingestUrl, second, EVENT)).response.status).toBe(404);
  await dashboard.button("Resume").click();
  await expect(page.getByText("This source is paused")).toHaveCount(0);
  expect((await sendStripeEvent(ingestUrl, second, EVENT)).response.status).toBe(200);

  // Deleting asks for the name, and nothing happens before it is right.
  const trigger = page.locator("summary").filter({ hasText: "Delete source" });
  await trigger.click();
  const dialog = page.getByRole("dialog", { name: "Delete stripe-eu?" });
  const name = dialog.getByLabel(/^Type stripe-eu to confirm/);
  await expect(name).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(trigger).toBeFocused();
  await trigger.click();
  await name.fill("stripe");
  await dialog.getByRole("button", { name: "Delete source" }).click();
  expect(await name.evaluate((input: HTMLInputElement) => input.validity.patternMismatch)).toBe(true);
  await name.fill("stripe-eu");
  await dialog.getByRole("button", { name: "Delete source" }).click();
  await dashboard.expectPage("Sources");
  await expect(page.getByRole("heading", { name: "No source yet" })).toBeVisible();
  expect((await sendStripeEvent(ingestUrl, second, EVENT)).response.status).toBe(410);
});

test("a source without a template shows what its kind of verification needs", async ({ complaints, dashboard, page, project }) => {
  complaints.foresee(REFUSED);
  await dashboard.open(`${project.path}/sources/new`);
  await dashboard.link("Another sender").click();
  await dashboard.expectPage("New source");
  await dashboard.field("Name").fill("crm");
  await expect(dashboard.field("Secret")).toHaveCount(0);
  await page.getByRole("radio", { name: /HMAC-SHA256/ }).check();
  await expect(dashboard.field("Secret")).toHaveCount(1);
  await dashboard.button("Create source").click();
  await dashboard.expectError("Header", /Must name the header/);
  await dashboard.expectError("Secret", /Must hold the secret/);
  await dashboard.field("Header").fill("X-Crm-Signature");
  await dashboard.field("Secret").fill("a secret of the crm");
  await dashboard.field("Encoding").selectOption("Base64");
  await dashboard.button("Create source").click();
  await dashboard.expectPage("crm");
  await expect(page.getByText("Verifies X-Crm-Signature: HMAC-SHA256 over the body.")).toBeVisible();
  await dashboard.link("Edit").click();
  await expect(page.getByRole("radio", { name: /HMAC-SHA256/ })).toBeChecked();
  await expect(dashboard.field("Encoding")).toHaveValue("base64");
});

test("a destination: refused, made, changed, paused and deleted", async ({ complaints, dashboard, page, project, receiver }) => {
  complaints.foresee(REFUSED);
  await dashboard.open(`${project.path}/destinations/new?type=http`);
  await dashboard.field("Name").fill("orders");
  await dashboard.field("URL").fill("ftp://127.0.0.1/");
  await dashboard.field("Headers").fill("X-Team: billing\nwithout a colon");
  await page.getByRole("radio", { name: "Bearer token" }).check();
  await dashboard.field("Waits").fill("soon");
  await dashboard.field("Give up on").fill("410, gone");
  await dashboard.button("Create destination").click();
  await expect(page.getByRole("alert")).toBeFocused();
  await dashboard.expectError("Headers", /without a colon/);
  await dashboard.expectError("Waits", /Must be waits such as/);
  await dashboard.expectError("Give up on", /Must be statuses/);
  await expect(dashboard.field("Headers")).toHaveValue("X-Team: billing\nwithout a colon");
  await expect(page.getByRole("radio", { name: "Bearer token" })).toBeChecked();
  await dashboard.field("Headers").fill("X-Team: billing");
  await dashboard.field("Waits").fill("1 h");
  await dashboard.field("Give up on").fill("410");
  await dashboard.button("Create destination").click();
  await dashboard.expectError("URL", /Must begin with https:\/\/ or http:\/\//);
  await dashboard.expectError("Token", /Must not be empty/);
  await expect(dashboard.field("URL")).toHaveValue("ftp://127.0.0.1/");
  await dashboard.field("URL").fill(receiver.url);
  await dashboard.field("Token").fill("the-token-of-the-receiver");
  await dashboard.button("Create destination").click();
  await dashboard.expectPage("orders");

  // The token stays when it is not typed again, and so does the signing secret.
  await dashboard.link("Edit").click();
  await dashboard.expectPage("Edit orders");
  expect(await page.content()).not.toContain("the-token-of-the-receiver");
  await expect(dashboard.field("Token")).toHaveValue("");
  await expect(dashboard.field("Headers")).toHaveValue("X-Team: billing");
  await dashboard.field("Name").fill("orders-eu");
  await dashboard.field("Headers").fill("X-Team: shipping");
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("orders-eu");
  const { api } = project;
  const { data } = await api.get<{ data: { id: string }[] }>("/destinations");
  const source = await api.createSource("shop");
  await api.createConnection(source, data[0]!);
  await fetch(source.ingest_url, { method: "POST", body: "hello" });
  const { headers } = await receiver.request(1);
  expect(headers.authorization).toBe("Bearer the-token-of-the-receiver");
  expect(headers["x-team"]).toBe("shipping");
  expect(headers["webhook-signature"]).toMatch(/^v1,/);

  // While it is paused, deliveries are held.
  await dashboard.button("Pause").click();
  await expect(page.getByText("This destination is paused")).toBeVisible();
  await fetch(source.ingest_url, { method: "POST", body: "hello again" });
  await expect(page.getByRole("table", { name: "Deliveries" }).getByText("held")).toBeVisible();
  expect(receiver.received).toHaveLength(1);
  await dashboard.button("Resume").click();
  expect((await receiver.request(2)).body.toString()).toBe("hello again");
  await expect(page.getByRole("table", { name: "Deliveries" }).getByText("held")).toHaveCount(0);

  await page.locator("summary").filter({ hasText: "Delete destination" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel(/^Type orders-eu to confirm/).fill("orders-eu");
  await dialog.getByRole("button", { name: "Delete destination" }).click();
  await dashboard.expectPage("Destinations");
  await expect(page.getByRole("heading", { name: "No destination yet" })).toBeVisible();
});

test("a connection: chosen, renamed, paused and deleted", async ({ dashboard, page, project, receiver }) => {
  const { api } = project;
  const source = await api.createSource("shop");
  await api.createDestination("orders", receiver.url);
  await api.createDestination("stock", receiver.url);
  await dashboard.open(`${project.path}/connections`);
  await dashboard.link("New connection").first().click();
  await expect(dashboard.field("Source")).toHaveValue(source.id);
  // Of the destinations there are two, so one has to be chosen; the browser asks for it.
  await dashboard.button("Create connection").click();
  const destination = dashboard.field("Destination");
  expect(await destination.evaluate((select: HTMLSelectElement) => select.validity.valueMissing)).toBe(true);
  await destination.selectOption("stock");
  await dashboard.field("Name").fill("to the stock");
  await dashboard.button("Create connection").click();
  await dashboard.expectPage("Connections");
  const row = page.getByRole("table", { name: "Connections" }).getByRole("row").filter({ hasText: "to the stock" });
  await row.getByRole("link", { name: "shop to stock" }).click();
  await dashboard.expectPage("to the stock");
  await page.getByRole("radio", { name: /^Disabled/ }).check();
  await dashboard.field("Name").fill("");
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("Connections");
  await expect(page.getByRole("row").filter({ hasText: "shop" })).toContainText("disabled");
  await fetch(source.ingest_url, { method: "POST", body: "hello" });
  await dashboard.go("Events");
  await expect(page.getByRole("row").filter({ hasText: "POST request" })).toContainText("no route");
  await dashboard.go("Connections");
  await dashboard.link("shop to stock").click();
  await dashboard.expectPage("shop → stock");
  await page.locator("summary").filter({ hasText: "Delete connection" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete connection" }).click();
  await dashboard.expectPage("Connections");
  await expect(page.getByRole("heading", { name: "No connection yet" })).toBeVisible();
});
