// Lists and calls tools as the official TypeScript client does.
// usage: node mcp-client.mjs URL TOKEN TOOL ARGUMENTS-AS-JSON
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, token, name, text] = process.argv.slice(2);
const client = new Client({ name: "fnvet-test", version: "1.0.0" });
const requestInit = { headers: { Authorization: `Bearer ${token}` } };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
const { tools } = await client.listTools();
const result = await client.callTool({ name, arguments: JSON.parse(text) });
await client.close();
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), result }));
