// Every page, empty and filled, wide and narrow, in light and dark colours: nothing overflows, nothing is out of reach
// for those who cannot see it or use a mouse. SCREENSHOTS names a folder for pictures of all of them.

import type { Page } from "@playwright/test";

import { expectAccessible } from "../harness/access.ts";
import { sendEvent } from "../harness/api.ts";
import { ANA, STRIPE_SECRET } from "../harness/dashboard.ts";
import { shoot } from "../harness/screenshots.ts";
import { sendStripeEvent } from "../harness/stripe.ts";
import { expect, test } from "../harness/test.ts";

test.setTimeout(360_000);

const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };

/** The page as it stands is fit to be seen. */
async function expectFit(page: Page, name: string, picture = { inWindow: false }): Promise<void> {
  await expectNoOverflow(page, name);
  await expectAccessible(page);
  await page.setViewportSize(NARROW);
  await expectNoOverflow(page, name);
  // The colours are those of the wide page.
  await expectAccessible(page, ["light"]);
  await page.setViewportSize(WIDE);
  await shoot(page, name, picture);
}

async function expectNoOverflow(page: Page, name: string): Promise<void> {
  const [content, window_] = await page.evaluate(() => [document.scrollingElement?.scrollWidth ?? 0, innerWidth] as const);
  expect.soft(content, `${name} is no wider than the window`).toBeLessThanOrEqual(window_);
}

test("the way in", async ({ complaints, dashboard, page }) => {
  complaints.foresee(/status of (404|422)/);
  await dashboard.open("/sign-up");
  await expectFit(page, "sign-up");
  await dashboard.fillSignUp({ ...ANA, organization: " " });
  await dashboard.button("Sign up").click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expectFit(page, "sign-up-refused");
  await dashboard.open("/sign-in");
  await expectFit(page, "sign-in");
  await dashboard.open("/no-such-page");
  await dashboard.expectPage("There is nothing here");
  await expectFit(page, "not-found");
});

test.describe("in a project", () => {
  test.use({ account: ANA });

  test("that is empty", async ({ complaints, dashboard, page, project }) => {
    complaints.foresee(/status of 404/);
    for (const [name, path] of [
      ["overview-empty", ""],
      ["events-empty", "/events"],
      ["sources-empty", "/sources"],
      ["destinations-empty", "/destinations"],
      ["connections-empty", "/connections"],
      ["connection-new-empty", "/connections/new"],
      ["not-found-in-project", "/no-such-page"],
    ] as const) {
      await dashboard.open(`${project.path}${path}`);
      await expectFit(page, name);
    }
  });

  test("where things are made", async ({ complaints, dashboard, page, project }) => {
    complaints.foresee(/status of 422/);
    for (const [name, path] of [
      ["source-gallery", "/sources/new"],
      ["source-new-custom", "/sources/new?template=custom"],
      ["destination-gallery", "/destinations/new"],
      ["destination-new-http", "/destinations/new?type=http"],
      ["destination-new-sqs", "/destinations/new?type=aws_sqs"],
      ["settings", "/settings"],
      ["api-keys", "/settings/keys"],
    ] as const) {
      await dashboard.open(`${project.path}${path}`);
      await expectFit(page, name);
    }
    await dashboard.open(`/projects/new?org=${project.orgId}`);
    await dashboard.expectPage("New project");
    await expectFit(page, "project-new");
    await dashboard.open(`${project.path}/sources/new?template=stripe`);
    await expectFit(page, "source-new-stripe");
    await dashboard.field("Name").fill("stripe-live");
    await dashboard.button("Create source").click();
    await expect(page.getByRole("alert")).toBeVisible();
    await expectFit(page, "source-new-refused");
  });

  test("that is at work", async ({ dashboard, page, project, receiver }) => {
    const { api } = project;
    const retry = { strategy: "schedule", intervals_seconds: [1800], max_attempts: 6 };
    const verification = { secrets: [STRIPE_SECRET] };
    const stripe = await api.createSource("stripe-live", { template: "stripe", verification, description: "Payments of the shop" });
    const shop = await api.createSource("shop");
    const github = await api.createSource("github-releases", { template: "github", verification: { secrets: ["octocat"] } });
    const orders = await api.createDestination("orders-service", `${receiver.url}/hooks/orders?team=billing`, { retry });
    const stock = await api.createDestination("stock", "http://127.0.0.1:1/hooks", { timeout_ms: 5000, retry: { ...retry, max_attempts: 1 } });
    const connection = await api.createConnection(stripe, orders);
    await api.createConnection(stripe, stock);
    await api.createConnection(shop, orders);
    await fetch(github.ingest_url, { method: "POST" });
    for (let number = 1; number <= 6; number++) {
      await fetch(shop.ingest_url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ type: number % 2 === 0 ? "order.placed" : "order.shipped", number }),
      });
    }
    await receiver.request(6);
    receiver.answer = { status: 503, body: JSON.stringify({ error: "maintenance", until: "20:30" }) };
    const { response } = await sendStripeEvent(`${stripe.ingest_url}?shop=7`, STRIPE_SECRET, {
      id: "evt_1Q0looks",
      type: "invoice.payment_succeeded",
      data: {
        object: {
          id: "in_1Q0looks",
          amount_paid: 4200,
          currency: "eur",
          customer: { email: "zoe@example.com", name: "Zoë Müller" },
          lines: Array.from({ length: 12 }, (_, line) => ({ line, description: `Item ${line}`, amount: 350 })),
        },
      },
    });
    const { event_id: event } = (await response.json()) as { event_id: string };
    await receiver.request(7);
    // A second attempt, asked for by hand, so that the timeline has something to tell.
    const deliveries = await api.get<{ data: { id: string; destination_id: string }[] }>(`/events/${event}/deliveries`);
    const toOrders = deliveries.data.find((delivery) => delivery.destination_id === orders.id);
    await expect(async () => {
      await api.post(`/deliveries/${toOrders?.id}/retry`);
    }).toPass();
    await receiver.request(8);

    await dashboard.open(`${project.path}/events/${event}`);
    const delivery = dashboard.delivery("orders-service");
    await expect(delivery).toContainText("2 attempts");
    await expect(delivery).toContainText("waiting");
    await expectFit(page, "event");
    const attempt = dashboard.attempt(delivery, 2);
    await attempt.locator("summary").click();
    await expect(attempt.getByText("maintenance")).toBeVisible();
    await expectFit(page, "event-attempt");
    for (const tab of ["Headers", "Query", "Raw"]) {
      await page.getByRole("tab", { name: tab }).click();
      await expect(page.getByRole("tab", { name: tab })).toHaveAttribute("aria-selected", "true");
      await expectFit(page, `event-${tab.toLowerCase()}`);
    }

    for (const [name, path, title] of [
      ["overview", "", "Overview"],
      ["events", "/events", "Events"],
      ["events-none-match", "/events?status=failed&range=1h&q=nothing", "Events"],
      ["sources", "/sources", "Sources"],
      ["source", `/sources/${stripe.id}`, "stripe-live"],
      ["source-edit", `/sources/${stripe.id}/edit`, "Edit stripe-live"],
      ["destinations", "/destinations", "Destinations"],
      ["destination", `/destinations/${orders.id}`, "orders-service"],
      ["destination-edit", `/destinations/${orders.id}/edit`, "Edit orders-service"],
      ["connections", "/connections", "Connections"],
      ["connection", `/connections/${connection.id}`, "stripe-live → orders-service"],
      ["connection-new", "/connections/new", "New connection"],
    ] as const) {
      await dashboard.open(`${project.path}${path}`);
      await dashboard.expectPage(title);
      await expectFit(page, name);
    }

    // What opens on top of a page.
    await dashboard.open(`${project.path}/sources/${shop.id}`);
    await page.locator("summary").filter({ hasText: "Delete source" }).click();
    await expect(page.getByRole("dialog", { name: "Delete shop?" })).toBeVisible();
    await expectFit(page, "dialog", { inWindow: true });
    await page.keyboard.press("Escape");
    await page.locator("summary.person").click();
    await expect(dashboard.button("Sign out")).toBeVisible();
    await expectAccessible(page);
    await page.setViewportSize(NARROW);
    await dashboard.button("Menu").click();
    await expect(page.getByRole("navigation", { name: "Pages" })).toBeVisible();
    await expectAccessible(page);
  });

  test("whose connections have rules", async ({ dashboard, page, project, receiver }) => {
    const { api } = project;
    const shop = await api.createSource("shop");
    const orders = await api.createDestination("orders-service", receiver.url);
    for (let number = 1; number <= 12; number++) {
      await sendEvent(shop.ingest_url, {
        type: number % 3 === 0 ? "order.refunded" : "order.paid",
        data: {
          id: `A-204${number}`,
          customer: { email: "zoe@example.com", name: "Zoë Müller", country: number % 2 === 0 ? "DE" : "FR" },
          items: [{ sku: "tea", price: 12.5 * number }, { sku: "pot", price: 30 }],
          currency: "eur",
        },
      });
    }
    const connection = await api.createConnection(shop, orders, {
      name: "large paid orders",
      filter: {
        all: [
          { field: "payload.type", op: "eq", value: "order.paid" },
          { any: [
            { field: "payload.data.items[].price", op: "gte", value: 100 },
            { field: "payload.data.customer.country", op: "in", value: ["DE", "AT"] },
          ] },
        ],
      },
      transform: '{\n  "order": data.id,\n  "customer": data.customer.email,\n  "total": $sum(data.items.price),\n  "currency": $uppercase(data.currency)\n}',
    });
    await dashboard.open(`${project.path}/connections/${connection.id}`);
    await expect(page.locator(".trial-state").first()).toHaveText(/^(not matched|would be delivered)$/);
    await expect(page.locator(".hindsight-difference")).toHaveText("The same as the saved connection.");
    await page.getByLabel("Value", { exact: true }).nth(1).fill("40");
    await expect(page.locator(".hindsight-difference")).toContainText("more would be delivered");
    const paid = page.getByRole("link", { name: "order.paid", exact: true });
    const matched = page.locator(".hindsight-line").filter({ has: paid }).first();
    await matched.getByRole("button").click();
    await expect(page.locator(".trial-state").first()).toHaveText("would be delivered");
    await expectFit(page, "connection-rules");
    await page.getByRole("textbox", { name: "JSONata expression" }).fill('{\n  "order": data.id,\n  "total": $sum(data.items.price\n}');
    await expect(page.locator(".trial-state").first()).toHaveText("cannot be saved yet");
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    await expectFit(page, "connection-refused");

    const event = await sendEvent(shop.ingest_url, { type: "order.refunded", data: { id: "A-1" } });
    await dashboard.open(`${project.path}/events/${event}`);
    await expect(page.locator(".event-route")).toContainText("not matched");
    await expectFit(page, "event-why");

    const quiet = await api.createSource("quiet");
    await dashboard.open(`${project.path}/connections/new?source=${quiet.id}`);
    await expect(page.getByText("Waiting for the first event of this source")).toBeVisible();
    await expectFit(page, "connection-new-quiet");
  });

  test("with sixty connections", async ({ dashboard, page, project, receiver }) => {
    const { api } = project;
    const sources = [];
    for (const name of ["stripe-live", "shop", "github-releases", "crm", "warehouse", "mailer", "calendar", "telephony"]) {
      sources.push(await api.createSource(name));
    }
    const destinations = [];
    for (const name of ["orders-service", "stock", "billing", "analytics", "search-index", "notifications", "audit", "data-lake", "partners", "backoffice"]) {
      destinations.push(await api.createDestination(name, receiver.url));
    }
    let number = 0;
    for (const [at, source] of sources.entries()) {
      for (const [to, destination] of destinations.entries()) {
        if (number === 60 || (at + to) % 4 === 3) continue;
        number += 1;
        await api.createConnection(source, destination, {
          ...(number % 3 === 0 && { filter: { field: "payload.type", op: "exists" } }),
          ...(number % 7 === 0 && { transform: "$" }),
          ...(number % 11 === 0 && { status: "paused" }),
          ...(number % 13 === 0 && { status: "disabled" }),
        });
      }
    }
    await sendEvent(sources[1]!.ingest_url, { type: "order.paid" });
    await dashboard.open(`${project.path}/connections`);
    await expect(page.getByRole("group", { name: "Routes" })).toBeVisible();
    await expectFit(page, "connections-many");
  });

  test("that just got a secret", async ({ dashboard, page, project, receiver }) => {
    await dashboard.open(`${project.path}/destinations/new?type=http`);
    await dashboard.field("Name").fill("orders");
    await dashboard.field("URL").fill(receiver.url);
    await dashboard.button("Create destination").click();
    await expect(page.getByLabel("Signing secret", { exact: true })).toBeVisible();
    await expectFit(page, "destination-secret");
    await dashboard.open(`${project.path}/settings/keys`);
    await dashboard.field("Name").fill("deploy-pipeline");
    await dashboard.button("Create API key").click();
    await expect(page.getByLabel("API key", { exact: true })).toBeVisible();
    await expectFit(page, "api-key-new");
  });
});
