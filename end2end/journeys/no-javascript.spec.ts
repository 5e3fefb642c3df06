// The same dashboard in a browser without JavaScript: forms post, pages answer.

import { ANA, STRIPE_SECRET } from "../harness/dashboard.ts";
import { sendStripeEvent } from "../harness/stripe.ts";
import { expect, test } from "../harness/test.ts";

test.use({ javaScriptEnabled: false });

test("everything simple works without JavaScript", async ({ complaints, dashboard, page, receiver }) => {
  // It fetches the scripts all the same, and refuses to run them.
  complaints.foresee(/^request failed: GET \S+\.js: csp$/);
  // A visitor who is not signed in is sent to the sign-in, and from there to the sign-up.
  await dashboard.open("/");
  await expect(page).toHaveURL(/\/sign-in/);
  await dashboard.link("Sign up").click();
  await dashboard.fillSignUp({ ...ANA, organization: "o".repeat(101) });
  await dashboard.button("Sign up").click();
  await dashboard.expectPage("Sign up");
  await dashboard.expectError("Organization", /Must be at most 100 characters\./);
  await expect(dashboard.field("Your name")).toHaveValue(ANA.name);
  await expect(dashboard.field("E-mail")).toHaveValue(ANA.email);
  await expect(dashboard.field("Password")).toHaveValue("");
  expect(decoded(page.url())).not.toContain(ANA.password);
  await dashboard.field("Organization").fill(ANA.organization);
  await dashboard.field("Password").fill(ANA.password);
  await dashboard.button("Sign up").click();
  await dashboard.expectPage("Overview");

  // A source: first with a mistake, which costs nothing but the secret.
  await page.getByRole("link", { name: "New source" }).click();
  await dashboard.link("Stripe").click();
  await dashboard.field("Name").fill("n".repeat(101));
  await dashboard.field("Description").fill("Payments & refunds");
  await dashboard.field("Signing secret").fill(STRIPE_SECRET);
  await dashboard.button("Create source").click();
  await dashboard.expectPage("New Stripe source");
  await expect(page.getByRole("alert")).toContainText("Some fields need a change.");
  await dashboard.expectError("Name", /Must be at most 100 characters\./);
  await expect(dashboard.field("Name")).toHaveValue("n".repeat(101));
  await expect(dashboard.field("Description")).toHaveValue("Payments & refunds");
  await expect(dashboard.field("Signing secret")).toHaveValue("");
  expect(decoded(page.url())).not.toContain(STRIPE_SECRET);
  expect(await page.content()).not.toContain(STRIPE_SECRET);
  await dashboard.field("Name").fill("stripe-live");
  await dashboard.field("Signing secret").fill(STRIPE_SECRET);
  await dashboard.button("Create source").click();
  await dashboard.expectPage("stripe-live");
  await expect(page).toHaveURL(/\/sources\/src_[0-9a-f]{32}$/);
  const ingestUrl = await page.getByLabel("Ingest URL", { exact: true }).inputValue();

  await dashboard.link("Edit").click();
  await dashboard.field("Description").fill("Payments");
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("stripe-live");
  await expect(page.getByText("Payments", { exact: true })).toBeVisible();

  const secret = await dashboard.createDestination({ name: "orders", url: receiver.url });
  expect(secret).toMatch(/^whsec_/);
  await page.reload();
  await dashboard.expectPage("orders");
  await expect(page.getByLabel("Signing secret", { exact: true })).toHaveCount(0);
  await dashboard.button("Send test event").click();
  await dashboard.expectPage("orders");
  await expect(page.getByText("The test event was delivered")).toBeVisible();
  expect(JSON.parse((await receiver.request(1)).body.toString()).type).toBe("hookstream.test");
  await dashboard.createConnection("stripe-live", "orders");

  const { response, body } = await sendStripeEvent(ingestUrl, STRIPE_SECRET, {
    id: "evt_1Q0plain",
    type: "invoice.paid",
    data: {},
  });
  expect(response.status).toBe(200);
  expect((await receiver.request(2)).body.toString()).toBe(body);
  // The page does not follow along here; loading it again does.
  await expect(async () => {
    await dashboard.open(`${dashboard.project}/events`);
    await expect(page.getByRole("row").filter({ hasText: "invoice.paid" })).toContainText("delivered", { timeout: 100 });
  }).toPass();
  await page.getByRole("row").filter({ hasText: "invoice.paid" }).getByRole("link").click();
  await dashboard.expectPage("invoice.paid");
  await expect(page.getByRole("tabpanel")).toContainText('"evt_1Q0plain"');
  await page.getByRole("tab", { name: "Headers" }).click();
  await expect(page.getByRole("tabpanel")).toContainText("stripe-signature");
  const attempt = dashboard.attempt(dashboard.delivery("orders"), 1);
  await attempt.locator("summary").click();
  await expect(attempt).toContainText("Status 200");
  await dashboard.delivery("orders").getByRole("button", { name: "Retry" }).click();
  await receiver.request(3);
  await dashboard.expectPage("invoice.paid");

  // Deleting: a wrong name is refused, the right one is taken.
  await dashboard.go("Sources");
  await dashboard.link("stripe-live").click();
  await dashboard.expectPage("stripe-live");
  await dashboard.button("Pause").click();
  await expect(page.getByText("This source is paused")).toBeVisible();
  await page.locator("summary").filter({ hasText: "Delete source" }).click();
  const name = page.getByLabel(/^Type stripe-live to confirm/);
  await name.fill("stripe-live");
  await page.getByRole("button", { name: "Delete source" }).click();
  await dashboard.expectPage("Sources");
  await expect(page.getByRole("heading", { name: "No source yet" })).toBeVisible();

  await dashboard.signOut();
  await dashboard.signIn(ANA.email, "not the password");
  await dashboard.expectPage("Sign in");
  await dashboard.expectError("Password", /wrong/);
  await expect(dashboard.field("E-mail")).toHaveValue(ANA.email);
  expect(decoded(page.url())).not.toContain("not the password");
  await dashboard.signIn(ANA.email, ANA.password);
  await dashboard.expectPage("Overview");
});

/** The address with everything that was encoded in it. */
function decoded(url: string): string {
  const { pathname, searchParams } = new URL(url);
  const values = [...searchParams.values()];
  const inner = values.map((value) => Buffer.from(value, "base64url").toString());
  return [pathname, ...values, ...inner].join("\n");
}
