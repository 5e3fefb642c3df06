// The types of destinations: the gallery, a form for each, and trying one.

import { ANA } from "../harness/dashboard.ts";
import { expect, test } from "../harness/test.ts";

test.use({ account: ANA });

const REFUSED = /the server responded with a status of 422/;

test("a type is chosen, filled in, changed without typing its secret again", async ({ complaints, dashboard, page, project }) => {
  complaints.foresee(REFUSED);
  await dashboard.open(`${project.path}/destinations/new`);
  for (const type of ["HTTP", "Amazon SQS", "Amazon S3", "Amazon EventBridge", "Google Cloud Pub/Sub", "Kafka", "RabbitMQ", "WebSocket"]) {
    await expect(page.getByRole("heading", { name: type, exact: true })).toBeVisible();
  }
  await dashboard.link("RabbitMQ").click();
  await dashboard.expectPage("New RabbitMQ destination");
  await expect(page.getByRole("radio", { name: "Bearer token" })).toHaveCount(0);
  await dashboard.field("Name").fill("broker");
  await dashboard.field("Management URL").fill("https://rabbit.example.com:15671");
  await dashboard.field("Virtual host").fill("/");
  await dashboard.field("Exchange").fill("webhooks");
  await dashboard.field("Routing key").fill("{{ type + }}");
  await dashboard.field("User name").fill("hook");
  await dashboard.field("Password").fill("correct-horse-battery");
  await dashboard.button("Create destination").click();
  await dashboard.expectError("Routing key", /JSONata/);
  await dashboard.field("Routing key").fill("{{ type }}");
  await dashboard.button("Create destination").click();
  await dashboard.expectPage("broker");
  await expect(page.getByText("••••••••tery")).toBeVisible();
  expect(await page.content()).not.toContain("correct-horse-battery");

  await dashboard.link("Edit").click();
  await dashboard.expectPage("Edit broker");
  await expect(dashboard.field("Exchange")).toHaveValue("webhooks");
  await expect(dashboard.field("Password")).toHaveValue("");
  await dashboard.field("Exchange").fill("events");
  await dashboard.button("Save changes").click();
  await dashboard.expectPage("broker");
  await expect(page.getByText("events", { exact: true })).toBeVisible();
  await expect(page.getByText("••••••••tery")).toBeVisible();
});

test("the fields of an authentication show with it", async ({ dashboard, page, project }) => {
  await dashboard.open(`${project.path}/destinations/new?type=http`);
  await expect(dashboard.field("Token URL")).toBeHidden();
  await page.getByRole("radio", { name: "OAuth 2 client credentials" }).check();
  await expect(dashboard.field("Token URL")).toBeVisible();
  await expect(dashboard.field("Client secret")).toBeVisible();
  await page.getByRole("radio", { name: "Client certificate" }).check();
  await expect(dashboard.field("Token URL")).toBeHidden();
  await expect(dashboard.field("Private key")).toBeVisible();
});

test("a test event shows what the receiver answered", async ({ dashboard, page, project, receiver }) => {
  const destination = await project.api.createDestination("orders", receiver.url, {});
  await dashboard.open(`${project.path}/destinations/${destination.id}`);
  receiver.answerNext({ status: 503, body: "the database is away" });
  await dashboard.button("Send test event").click();
  await expect(page.getByText("The test event was not delivered")).toBeVisible();
  await expect(page.getByText("the database is away")).toBeVisible();
  await dashboard.button("Send test event").click();
  await expect(page.getByText("The test event was delivered")).toBeVisible();
  expect(JSON.parse((await receiver.request(2)).body.toString()).type).toBe("hookstream.test");
});
