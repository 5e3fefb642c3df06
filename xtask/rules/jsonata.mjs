// The same expression over the same payload by the reference implementation, from text to text:
// `node jsonata.mjs <payload file> <expression file> <seconds>`
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [payloadFile, expressionFile, seconds] = process.argv.slice(2);
// The package stands where this is run from.
const jsonata = createRequire(pathToFileURL(process.cwd() + "/"))("jsonata");
const text = readFileSync(payloadFile, "utf8");
const expression = jsonata(readFileSync(expressionFile, "utf8"));
const time = Number(seconds) * 1000;
const begun = performance.now();
let times = 0;
while (performance.now() - begun < time) {
  for (let i = 0; i < 20; i++) {
    const made = JSON.stringify(await expression.evaluate(JSON.parse(text)));
    if (made.length < 10) throw new Error("it comes to nothing");
    times++;
  }
}
console.log(JSON.stringify({ shaped: times / ((performance.now() - begun) / 1000) }));
