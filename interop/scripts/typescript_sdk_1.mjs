// The TypeScript SDK 1.x, which most desktop programs are built on. It checks structured content against the schema.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { SERVER, seen, serve } from "./lines.mjs";

// The package is in a separate environment, not next to this file.
const installed = createRequire(process.env.INTEROP_PACKAGES);
const load = (name) => import(pathToFileURL(installed.resolve(name)));
const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/client/stdio.js");

const client = new Client({ name: "interop", version: "1" });
await client.connect(new StdioClientTransport(SERVER));
await client.listTools(); // Only then does it know the schemas it checks results against.
await serve(async (name, given) => seen(await client.callTool({ name, arguments: given })));
await client.close();
