// A system that reports shares over HTTP; Node.js 18 or later, nothing to install.
//
//   API_KEY=qs_… node producer.mjs http://127.0.0.1:8600 PRODUCER SHARE.json [SHARE.json …]
//
// Each file is the `data` of one report. Types to go with it: docs/contracts/schemas/.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";

const [address, producer, ...files] = process.argv.slice(2);
const headers = { "content-type": "application/cloudevents-batch+json", authorization: `Bearer ${process.env.API_KEY}` };
const door = `${address}/campaign/api/v1/intake`;
const reports = await Promise.all(
  files.map(async (file) => ({
    specversion: "1.0",
    id: randomUUID(), // our own, never used twice
    source: `/ext/${producer}`,
    type: "qingsheng.intake.repost_reported.v1",
    time: new Date().toISOString(),
    data: JSON.parse(await readFile(file, "utf8")),
  })),
);

// Sent again until it is taken or refused: by its id, a report that arrives twice has one effect.
async function send(body) {
  for (;;) {
    const response = await fetch(door, { method: "POST", headers, body }).catch((error) => error);
    if (response instanceof Response && response.status !== 429 && response.status < 500) return response;
    console.error("sent again:", response.status ?? response.message);
    await new Promise((resolve) => setTimeout(resolve, 1000 * (response.headers?.get("retry-after") || 1)));
  }
}

const response = await send(JSON.stringify(reports));
if (!response.ok) throw new Error(`${response.status} ${(await response.json()).detail}`);
let answers = await response.json();
const waiting = new Set(answers.filter((answer) => answer.status === "pending").map((answer) => answer.request_id));
answers = answers.filter((answer) => answer.status !== "pending");
for (let cursor = ""; waiting.size > 0; ) {
  const page = await (await fetch(`${door}/answers?cursor=${encodeURIComponent(cursor)}`, { headers })).json();
  for (const answer of page.items) if (waiting.delete(answer.data.request_id)) answers.push(answer);
  if (page.items.length === 0) await new Promise((resolve) => setTimeout(resolve, 1000));
  cursor = page.next_cursor ?? cursor;
}

let refused = 0;
for (const { type, data } of answers) {
  if (type === "qingsheng.intake.accepted.v1") console.log("accepted", ...data.subjects);
  else console.log("refused", data.code, data.pointer ?? "", data.message.en, (refused += 1) && "");
}
process.exitCode = refused ? 1 : 0;
