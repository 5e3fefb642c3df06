// From an empty server to a delivered event, which arrives as it was sent.

import { Webhook } from "standardwebhooks";

import { ANA, STRIPE_SECRET } from "../harness/dashboard.ts";
import { sendStripeEvent } from "../harness/stripe.ts";
import { expect, test } from "../harness/test.ts";

const EVENT = {
  id: "evt_1Q0first",
  object: "event",
  type: "invoice.paid",
  // Letters that a careless page would show in another way.
  data: { object: { amount: 4200, note: "Zoë’s café ☕ <b>&amp;</b>" } },
};

test("a webhook signed by Stripe's library is delivered byte for byte", async ({ dashboard, page, receiver }) => {
  await dashboard.open("/");
  await expect(page).toHaveURL(/\/sign-in/);
  await dashboard.link("Sign up").click();
  await dashboard.expectPage("Sign up");
  await dashboard.fillSignUp(ANA);
  await dashboard.button("Sign up").click();

  // The overview leads the way, a step at a time.
  await dashboard.expectPage("Overview");
  const step = page.getByRole("listitem").filter({ has: page.getByRole("heading", { level: 2 }) });
  const current = step.and(page.locator("[aria-current=step]"));
  await expect(current).toContainText("Create a source");
  await current.getByRole("link", { name: "New source" }).click();
  await dashboard.link("Stripe").click();
  await dashboard.expectPage("New Stripe source");
  await dashboard.field("Name").fill("stripe-live");
  await dashboard.field("Description").fill("Payments of the shop");
  await dashboard.field("Signing secret").fill(STRIPE_SECRET);
  await dashboard.button("Create source").click();
  await dashboard.expectPage("stripe-live");
  const ingestUrl = await page.getByLabel("Ingest URL", { exact: true }).inputValue();
  await expect(page.getByText(STRIPE_SECRET)).toHaveCount(0);

  await dashboard.go("Overview");
  await expect(current).toContainText("Add a destination");
  await current.getByRole("link", { name: "New destination" }).click();
  await dashboard.expectPage("New destination");
  await dashboard.link("HTTP").click();
  await dashboard.expectPage("New HTTP destination");
  await dashboard.field("Name").fill("orders");
  await dashboard.field("URL").fill(`${receiver.url}/hooks?team=billing`);
  await dashboard.button("Create destination").click();
  await dashboard.expectPage("orders");
  const shown = page.getByLabel("Signing secret", { exact: true });
  await expect(shown).toHaveValue(/^whsec_/);
  const secret = await shown.inputValue();
  await page.reload();
  await dashboard.expectPage("orders");
  await expect(shown, "the secret is shown once").toHaveCount(0);
  await dashboard.alive();

  await dashboard.go("Overview");
  await current.getByRole("link", { name: "New connection" }).click();
  await dashboard.expectPage("New connection");
  // There is one of each, so both are chosen already.
  await dashboard.button("Create connection").click();
  await dashboard.expectPage("Connections");
  await dashboard.go("Overview");
  await expect(current).toContainText("Send an event");
  await expect(current.getByRole("status")).toHaveText(/Waiting for the first event/);

  // The list of events is open when the event comes.
  await dashboard.go("Events");
  await expect(page.getByText("Live: new events appear on top")).toBeVisible();
  await expect(page.getByText("Waiting for the first event of stripe-live")).toBeVisible();
  const loadedAt = await page.evaluate(() => performance.timeOrigin);
  const { response, body } = await sendStripeEvent(`${ingestUrl}?shop=7&tag=caf%C3%A9+noir`, STRIPE_SECRET, EVENT);
  expect(response.status).toBe(200);
  const answer = (await response.json()) as { event_id: string };
  expect(answer.event_id).toMatch(/^evt_[0-9a-f]{32}$/);
  const row = page.getByRole("table", { name: "Events" }).getByRole("row").filter({ hasText: "invoice.paid" });
  await expect(row).toContainText("delivered");
  await expect(row).toContainText("stripe-live");
  expect(await page.evaluate(() => performance.timeOrigin), "the page was not loaded again").toBe(loadedAt);

  // The receiver got the very bytes, and can tell who sent them.
  const received = await receiver.request(1);
  expect(received.method).toBe("POST");
  expect(received.path).toBe("/hooks?team=billing");
  expect(received.body.equals(Buffer.from(body))).toBe(true);
  expect(received.headers["content-type"]).toBe("application/json; charset=utf-8");
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = received.headers;
  const signed = { "webhook-id": String(id), "webhook-timestamp": String(timestamp), "webhook-signature": String(signature) };
  expect(() => new Webhook(secret).verify(received.body, signed)).not.toThrow();
  expect(() => new Webhook(secret).verify(`${body} `, signed)).toThrow();

  // The inspector shows all of it.
  await row.getByRole("link").click();
  await dashboard.expectPage("invoice.paid");
  await expect(page).toHaveURL(new RegExp(`/events/${answer.event_id}`));
  const panel = page.getByRole("tabpanel");
  await expect(page.getByRole("tab", { name: "Body" })).toHaveAttribute("aria-selected", "true");
  await expect(panel).toContainText('"id": "evt_1Q0first"');
  await expect(panel).toContainText("Zoë’s café ☕ <b>&amp;</b>");
  await page.getByRole("tab", { name: "Headers" }).click();
  await expect(panel.getByRole("term").filter({ hasText: /^stripe-signature$/i })).toBeVisible();
  await expect(panel).toContainText("application/json; charset=utf-8");
  await page.getByRole("tab", { name: "Query" }).click();
  await expect(panel).toContainText("café noir");
  await page.getByRole("tab", { name: "Raw" }).click();
  await expect(panel).toContainText("?shop=7&tag=caf%C3%A9+noir");
  await expect(panel).toContainText(body);
  await page.reload();
  await expect(panel, "the tab is in the address").toContainText("?shop=7&tag=caf%C3%A9+noir");
  await dashboard.alive();

  const delivery = dashboard.delivery("orders");
  await expect(delivery).toContainText("succeeded");
  await expect(delivery).toContainText("1 attempt");
  const attempt = dashboard.attempt(delivery, 1);
  await expect(attempt).toContainText("200");
  await attempt.locator("summary").click();
  await expect(attempt.getByRole("heading", { name: "Request" })).toBeVisible();
  await expect(attempt).toContainText(`POST ${receiver.url}/hooks?team=billing`);
  await expect(attempt.getByRole("term").filter({ hasText: /^webhook-signature$/ })).toBeVisible();
  await expect(attempt).toContainText("Status 200");
  await expect(attempt.getByRole("figure")).toContainText("ok");
});

test("a test event goes the same way", async ({ dashboard, page, receiver }) => {
  await dashboard.signUp();
  await dashboard.createStripeSource("stripe-live");
  await dashboard.createDestination({ name: "orders", url: receiver.url });
  await dashboard.createConnection("stripe-live", "orders");
  await dashboard.go("Sources");
  await dashboard.link("stripe-live").click();
  await dashboard.expectPage("stripe-live");
  await dashboard.button("Send a test event").click();
  await dashboard.expectPage("payment_intent.succeeded");
  await expect(page.getByText("verified", { exact: true })).toBeVisible();
  await expect(dashboard.delivery("orders")).toContainText("succeeded");
  const { body } = await receiver.request(1);
  expect(JSON.parse(body.toString())).toMatchObject({ type: "payment_intent.succeeded" });
});

test("what Stripe did not sign is refused", async ({ dashboard, page, receiver }) => {
  await dashboard.signUp();
  const ingestUrl = await dashboard.createStripeSource("stripe-live");
  const { response } = await sendStripeEvent(ingestUrl, "whsec_another", { ...EVENT, data: {} });
  expect(response.status).toBe(401);
  await dashboard.go("Events");
  await expect(page.getByText("Waiting for the first event of stripe-live")).toBeVisible();
  expect(receiver.received).toEqual([]);
});
