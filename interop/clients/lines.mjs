// How every client is told what to call: one JSON line in, one JSON line out; lines.py says what they hold.

import { createInterface } from "node:readline";

export const SERVER = JSON.parse(process.env.INTEROP_SERVER);

/** Make every call that is asked for; `call` gives what this client shows of the result. */
export async function serve(call) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { tool, arguments: given } = JSON.parse(line);
    console.log(JSON.stringify(await call(tool, given)));
  }
}

/** A tool's result as this project's runner wants to see it. */
export function seen(result) {
  const text = result.content.map((part) => part.text ?? "").join("\n");
  return { text, structured: result.structuredContent ?? null, error: result.isError ?? false };
}
