// mcporter on the command line: every call starts a new process and a new server.

import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { SERVER, seen, serve } from "./lines.mjs";

const program = join(dirname(process.env.INTEROP_PACKAGES), "node_modules/mcporter/dist/cli.js");
const server = [
  ...["--stdio", SERVER.command, "--name", "photos"],
  ...SERVER.args.flatMap((argument) => ["--stdio-arg", argument]),
  ...Object.entries(SERVER.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
];

function called(tool, given, output) {
  const asked = ["call", ...server, "--tool", tool, "--args", JSON.stringify(given), "--output", output];
  try {
    return execFileSync(process.execPath, [program, ...asked], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (failed) {
    if (failed.stdout) return failed.stdout; // A tool's error sets the exit code.
    throw failed;
  }
}

// It shows a result either as text or as JSON, so the tools that are quick to repeat are called twice.
const ONCE = ["prepare_photos", "start_training", "generate_photos"];
await serve(async (tool, given) => {
  const shown = called(tool, given, "json");
  const parsed = JSON.parse(shown);
  if (parsed.isError) return seen(parsed);
  const text = ONCE.includes(tool) ? shown : called(tool, given, "text");
  return { text, structured: parsed, error: false };
});
