// Requests as Stripe sends them, signed by Stripe's own library.

import Stripe from "stripe";

export interface StripeEvent {
  id: string;
  type: string;
  data: unknown;
}

/** Posts the event and returns the answer together with the very bytes that were sent. */
export async function sendStripeEvent(
  ingestUrl: string,
  secret: string,
  event: StripeEvent,
): Promise<{ response: Response; body: string }> {
  // Stripe prints its bodies with line feeds and two spaces.
  const body = JSON.stringify(event, null, 2);
  const signature = Stripe.webhooks.generateTestHeaderString({ payload: body, secret });
  const response = await fetch(ingestUrl, {
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": signature },
    body,
  });
  return { response, body };
}
