// The protocol of all client scripts: one JSON line in, one JSON line out; see lines.py.

import { createInterface } from "node:readline";

export const SERVER = JSON.parse(process.env.INTEROP_SERVER);

/** Make all calls from stdin; `call` returns what this client shows of the result. */
export async function serve(call) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { tool, arguments: given } = JSON.parse(line);
    console.log(JSON.stringify(await call(tool, given)));
  }
}

/** Return a tool's result in the form of lines.py. */
export function seen(result) {
  const text = result.content.map((part) => part.text ?? "").join("\n");
  return { text, structured: result.structuredContent ?? null, error: result.isError ?? false };
}
