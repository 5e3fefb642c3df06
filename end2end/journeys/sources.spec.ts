// What a source refuses and why, and what it checks.

import { gzipSync } from "node:zlib";

import { sendEvent } from "../harness/api.ts";
import { ANA, STRIPE_SECRET } from "../harness/dashboard.ts";
import { sendStripeEvent } from "../harness/stripe.ts";
import { expect, test } from "../harness/test.ts";

test.use({ account: ANA });

const EVENT = { id: "evt_1Q0sources", type: "invoice.paid", data: { object: { amount: 4200 } } };

test("a refused webhook shows why, and is taken in once the secret is right", async ({ dashboard, page, project }) => {
  await dashboard.open(project.path);
  const url = await dashboard.createStripeSource("stripe-live", "whsec_a_wrong_one_0123456789");
  const { response } = await sendStripeEvent(url, STRIPE_SECRET, EVENT);
  expect(response.status).toBe(401);

  // The open page of the source tells it by itself.
  await expect(page.getByText("One request was refused in the last 24 hours")).toBeVisible();
  await dashboard.link("See what was wrong").click();
  await dashboard.expectPage("Refused requests");
  const request = page.getByRole("group").filter({ hasText: "Not verified" });
  await request.locator("summary").click();
  await expect(request).toContainText("Compare the secret here with the one at the provider.");
  await expect(request).toContainText("stripe-signature");
  await expect(request).toContainText("invoice.paid");

  await dashboard.link("stripe-live").click();
  await dashboard.expectPage("stripe-live");
  await dashboard.link("Edit").click();
  await dashboard.expectPage("Edit stripe-live");
  await dashboard.field("Add a signing secret").fill(STRIPE_SECRET);
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("stripe-live");
  await dashboard.link("See what was wrong").click();
  await dashboard.expectPage("Refused requests");
  await request.locator("summary").click();
  await dashboard.button("Take in again").click();
  await dashboard.expectPage("invoice.paid");
  await expect(page.getByText("verified", { exact: true })).toBeVisible();

  await dashboard.go("Sources");
  await dashboard.link("stripe-live").click();
  await expect(page.getByText("refused in the last 24 hours")).toHaveCount(0);
  await expect(page.getByRole("group").filter({ hasText: "invoice.paid" })).toContainText("1");
});

test("checks are set, named and felt", async ({ complaints, dashboard, page, project }) => {
  complaints.foresee(/status of 422/);
  const source = await project.api.createSource("orders");
  await dashboard.open(`${project.path}/sources/${source.id}/edit`);
  await dashboard.field("Allowed").fill("127.0.0.0/8\nexample.com");
  await page.getByRole("radio", { name: /^Same field/ }).check();
  await dashboard.field("Field").fill("order");
  await dashboard.field("Within").fill("3600");
  await dashboard.field("JSON Schema").fill('{"required": ["order"');
  await dashboard.button("Save changes").click();
  await dashboard.expectError("JSON Schema", /Is not JSON/);
  await dashboard.field("JSON Schema").fill('{"required": ["order"]}');
  await dashboard.field("When a body does not").selectOption("warn");
  await dashboard.button("Save changes").click();
  await dashboard.expectError("Allowed", /not "example.com"/);
  await dashboard.field("Allowed").fill("127.0.0.0/8");
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("orders");
  await expect(page.getByText("The same order in the body within an hour")).toBeVisible();
  await expect(page.getByText("127.0.0.0/8")).toBeVisible();

  const first = await sendEvent(source.ingest_url, { order: 1 });
  expect(await sendEvent(source.ingest_url, { order: 1, again: true }), "the id of the first").toBe(first);
  await dashboard.go("Events");
  await page.getByRole("row").filter({ hasText: "orders" }).first().getByRole("link").first().click();
  await expect(page.getByText("A duplicate", { exact: true })).toBeVisible();
  await dashboard.link("an event that came before").click();
  await expect(page).toHaveURL(new RegExp(`${first}`));

  const odd = await sendEvent(source.ingest_url, { invoice: 7 });
  await dashboard.open(`${project.path}/events/${odd}`);
  await expect(page.getByText("The source's schema does not allow this body")).toBeVisible();
});

test("a compressed body is shown as it is meant", async ({ dashboard, page, project }) => {
  const source = await project.api.createSource("zipped");
  const answer = await fetch(source.ingest_url, {
    method: "POST",
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
    body: gzipSync(JSON.stringify({ type: "order.paid", note: "hidden in a zip" })),
  });
  const { event_id } = (await answer.json()) as { event_id: string };
  await dashboard.open(`${project.path}/events/${event_id}`);
  await dashboard.expectPage("order.paid");
  await expect(page.getByText("It came compressed, and is shown without.")).toBeVisible();
  await expect(page.getByText("hidden in a zip")).toBeVisible();
});

test("the gallery of templates is searched", async ({ dashboard, page, project }) => {
  await dashboard.open(`${project.path}/sources/new`);
  await expect(dashboard.link("Stripe")).toBeVisible();
  await dashboard.field("Search").fill("whatsapp");
  await expect(dashboard.link("Stripe")).toHaveCount(0);
  await expect(dashboard.link("Meta")).toBeVisible();
  await dashboard.field("Search").fill("no such provider");
  await expect(page.getByText("No template by that name")).toBeVisible();
  await dashboard.field("Search").fill("");
  await dashboard.link("Stripe").click();
  await dashboard.expectPage("New Stripe source");
});

test("a secret is rotated without a gap", async ({ dashboard, page, project }) => {
  await dashboard.open(project.path);
  const url = await dashboard.createStripeSource("stripe-live");
  const next = "whsec_the_next_one_0123456789";
  await dashboard.link("Edit").click();
  await dashboard.field("Add a signing secret").fill(next);
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("stripe-live");
  for (const secret of [STRIPE_SECRET, next]) {
    expect((await sendStripeEvent(url, secret, { ...EVENT, id: secret })).response.status).toBe(200);
  }
  await dashboard.link("Edit").click();
  await page.getByLabel(/^Keep .*fHs6$/).uncheck();
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("stripe-live");
  expect((await sendStripeEvent(url, STRIPE_SECRET, EVENT)).response.status).toBe(401);
  expect((await sendStripeEvent(url, next, { ...EVENT, id: "evt_last" })).response.status).toBe(200);
});
