import { createMcpHandler, McpServer, requireBearerAuth } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { Ampho } from "../../dist/index.js";
import { guardedTool, tokenVerifier } from "../../dist/mcp.js";

export function createServer(ampho: Ampho) {
  const gate = requireBearerAuth({ verifier: tokenVerifier(ampho) });
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "articles", version: "1.0.0" });
    const inputSchema = z.object({ id: z.string() });
    server.registerTool(
      "publish",
      ...guardedTool(
        { scopes: ["articles:publish"], can: (auth, { id }) => id !== auth.login },
        {
          description: "Publishes an article.",
          inputSchema,
          handler: async ({ id }, auth) => ({ content: [{ type: "text", text: `${id.trim()} by ${auth.login}` }] }),
        },
      ),
    );
    server.registerTool("ping", ...guardedTool({ roles: ["editor"] }, { handler: () => ({ content: [] }) }));
    return server;
  });
  return async (request: Request) => {
    const authInfo = await gate(request);
    return authInfo instanceof Response ? authInfo : handler.fetch(request, { authInfo });
  };
}
