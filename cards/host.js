// A host page: the official client and app bridge, and a frame for the card as strict as hosts make it.

import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const EXTENSION = "io.modelcontextprotocol/ui";
const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";
let client, bridge;

window.said = [];
window.context = "";

window.connectAs = async (mode) => {
  const capabilities = { extensions: { [EXTENSION]: { mimeTypes: ["text/html;profile=mcp-app"] } } };
  client = new Client({ name: "cards", version: "1" }, { capabilities, versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL("/mcp", location.href)));
  return client.getServerCapabilities()?.extensions?.[EXTENSION] ?? null;
};

window.callTool = (name, given) => client.callTool({ name, arguments: given });

// Shows the card of a tool with a result, in a new frame as hosts do.
window.show = async (name, given, result, { theme, width, ink }) => {
  document.body.dataset.theme = theme;
  document.querySelector("iframe")?.remove();
  const tool = (await client.listTools()).tools.find((one) => one.name === name);
  const { contents } = await client.readResource({ uri: tool._meta.ui.resourceUri });
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.allow = "clipboard-write";
  frame.title = tool.title;
  frame.style.width = `${width}px`;
  document.body.append(frame);
  const variables = ink ? { "--color-text-primary": ink } : {};
  const hostContext = { theme, displayMode: "inline", styles: { variables } };
  const can = { serverTools: {}, message: { text: {} }, updateModelContext: { text: {} } };
  bridge = new AppBridge(client, { name: "cards", version: "1" }, can, { hostContext });
  bridge.onmessage = async ({ content }) => (window.said.push(content[0].text), {});
  bridge.onupdatemodelcontext = async ({ content }) => ((window.context = content[0].text), {});
  bridge.onsizechange = ({ height }) => (frame.style.height = `${height}px`);
  const ready = new Promise((resolve) => (bridge.oninitialized = resolve));
  await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
  const policy = `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`;
  frame.srcdoc = contents[0].text.replace("<meta charset", `${policy}<meta charset`);
  await ready;
  await bridge.sendToolInput({ arguments: given });
  await bridge.sendToolResult(result);
};

window.endCard = () => bridge.teardownResource({});
window.isReady = true;
