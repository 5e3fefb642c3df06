// What an authenticator app shows (RFC 6238).

import { createHmac } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const STEP_MS = 30_000;

/** A code of an earlier step is taken until the present one ends: the least that a form then needs. */
const TIME_TO_USE_MS = 10_000;

/** The code of a key now. */
export function oneTimeCode(key: string): string {
  return codeOfStep(key, Math.floor(Date.now() / STEP_MS));
}

/** The code of the step before, so that the present one is left for another use. Waits where it would soon be refused. */
export async function earlierOneTimeCode(key: string): Promise<string> {
  const left = STEP_MS - (Date.now() % STEP_MS);
  if (left < TIME_TO_USE_MS) {
    await new Promise((resolve) => setTimeout(resolve, left));
  }
  return codeOfStep(key, Math.floor(Date.now() / STEP_MS) - 1);
}

function codeOfStep(key: string, number: number): string {
  const bits = [...key].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(number));
  const digest = createHmac("sha1", secret).update(step).digest();
  const at = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(at) & 0x7fff_ffff) % 1_000_000).padStart(6, "0");
}
