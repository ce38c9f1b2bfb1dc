// The TypeScript client 2.x; the era is the first argument.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { SERVER, seen, serve } from "./lines.mjs";

// The package is in a separate environment, not next to this file.
const installed = createRequire(process.env.INTEROP_PACKAGES);
const load = (name) => import(pathToFileURL(installed.resolve(name)));
const { Client } = await load("@modelcontextprotocol/client");
const { StdioClientTransport } = await load("@modelcontextprotocol/client/stdio");

const client = new Client({ name: "interop", version: "1" }, { versionNegotiation: { mode: process.argv[2] } });
await client.connect(new StdioClientTransport(SERVER));
await client.listTools(); // Only then does it know the schemas it checks results against.
await serve(async (name, given) => seen(await client.callTool({ name, arguments: given })));
await client.close();
