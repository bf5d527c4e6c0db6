// An MCP server on the loopback interface behind Ampho, an authorization server of other software, and clients of both.

import { serve as listen } from "@hono/node-server";
import { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { createMcpHandler, McpServer, requireBearerAuth, type ServerContext } from "@modelcontextprotocol/server";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { type Ampho, type Auth, createAmpho } from "../../dist/index.js";
import { guardedTool, type McpTokenVerifier, metadataResponse, tokenVerifier } from "../../dist/mcp.js";
import { foreignToken, newKey } from "../world/tokens.js";

export const key = newKey("key-1");
export const scopes = { editor: ["articles:read", "articles:publish"], reader: ["articles:read"] };
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
export const now = () => Math.floor(Date.now() / 1000);

export const jsonRpc = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2025-11-25",
};

export const toolCall = (name: string) =>
  JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: { id: "a1" } } });

export interface McpWorld {
  readonly url: string;
  readonly ampho: Ampho;
  /** Signs a token of the authorization server for the MCP server. */
  token(claims?: Readonly<Record<string, unknown>>): string;
  /** Connects a client that sends this token, or that asks the authorization server for one. */
  connect(token?: string): Promise<Client>;
  /** Calls a tool and returns its first text. */
  call(client: Client, name: string, args?: Readonly<Record<string, unknown>>): Promise<readonly [boolean, string]>;
  /** Sends a call of a tool without a client. */
  post(name: string, token: string | undefined, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** The callers of a tool, in order. */
  readonly calls: readonly Auth[];
  /** The scopes that clients have asked the authorization server for, in order. */
  readonly asked: readonly (string | null)[];
  readonly requests: readonly string[];
}

/** `grants` decides which of the scopes that a client asks for it gets. `tools` registers more tools. */
export async function openMcp(
  options: {
    readonly grants?: (asked: readonly string[]) => readonly string[];
    readonly verifierOf?: (ampho: Ampho, resource: string) => McpTokenVerifier;
    readonly tools?: (server: McpServer) => void;
  } = {},
): Promise<McpWorld> {
  const { grants = (asked) => asked, verifierOf = (ampho) => tokenVerifier(ampho) } = options;
  const [calls, asked, requests]: [Auth[], (string | null)[], string[]] = [[], [], []];
  let serve: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 });
  const origin = await serveFetch((request) => {
    requests.push(`${request.method} ${new URL(request.url).pathname}`);
    return serve(request);
  });
  const resource = `${origin}/mcp`;
  const ampho = await createAmpho({
    key,
    scopes,
    databaseUrl: "sqlite::memory:",
    log: () => undefined,
    resources: [{ resource, scopes: ["articles:read"], servers: [origin] }],
  });
  onTestFinished(() => ampho.close());
  const token = (claims: Readonly<Record<string, unknown>> = {}) =>
    foreignToken(key, { login: "alice", sub: "1", aud: resource, exp: now() + 600, ...claims });

  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: "articles", version: "1.0.0" }, { capabilities: { logging: {} } });
    options.tools?.(server);
    const inputSchema = z.object({ id: z.string() });
    server.registerTool(
      "publish",
      ...guardedTool(
        { scopes: ["articles:publish"] },
        {
          description: "Publishes an article.",
          inputSchema,
          handler: async ({ id }, auth) => {
            calls.push(auth);
            return { content: [{ type: "text", text: `${id.trim()} by ${auth.login}` }] };
          },
        },
      ),
    );
    server.registerTool(
      "own",
      ...guardedTool(
        { can: (auth, { id }) => id === auth.login },
        {
          description: "Is for its own user.",
          inputSchema,
          handler: ({ id }, _auth, context: ServerContext) => text(`${id} ${context.mcpReq.method}`),
        },
      ),
    );
    server.registerTool(
      "admin",
      ...guardedTool({ roles: ["admin"] }, { description: "Is for admins.", handler: () => text("done") }),
    );
    server.registerTool(
      "live",
      ...guardedTool(
        { live: true },
        { description: "Reads the database.", handler: (_input, auth) => text(auth.login) },
      ),
    );
    return server;
  });
  const verifier = verifierOf(ampho, resource);
  const { resourceMetadataUrl } = verifier;
  const gate = requireBearerAuth({ verifier, resourceMetadataUrl, expectedResource: new URL(resource) });

  serve = async (request) => {
    const { pathname } = new URL(request.url);
    const metadata = metadataResponse(ampho, request);
    if (metadata !== undefined) return metadata;
    if (pathname === "/.well-known/oauth-authorization-server") return Response.json(serverMetadata(origin));
    if (pathname === "/token") {
      const form = new URLSearchParams(await request.text());
      asked.push(form.get("scope"));
      const scope = grants(form.get("scope")?.split(" ") ?? []).join(" ");
      const access = token({ aud: form.get("resource"), ...(scope && { scope }) });
      return Response.json({ access_token: access, token_type: "Bearer", expires_in: 600, scope });
    }
    if (pathname !== "/mcp") return new Response(null, { status: 404 });
    const found = await gate(request);
    return found instanceof Response ? found : handler.fetch(request, { authInfo: found });
  };

  return {
    url: resource,
    ampho,
    token,
    calls,
    asked,
    requests,
    async connect(given) {
      const client = new Client({ name: "test", version: "1.0.0" });
      const authProvider = new ClientCredentialsProvider({
        clientId: "agent",
        clientSecret: "not-checked-here",
        expectedIssuer: origin,
      });
      const transport = new StreamableHTTPClientTransport(
        new URL(resource),
        given === undefined ? { authProvider } : { requestInit: { headers: { authorization: `Bearer ${given}` } } },
      );
      await client.connect(transport);
      onTestFinished(() => client.close());
      return client;
    },
    async call(client, name, args = {}) {
      const { isError = false, content } = await client.callTool({ name, arguments: args });
      const [first] = content;
      return [isError, first?.type === "text" ? first.text : ""];
    },
    post: (name, given, headers = {}) =>
      fetch(resource, {
        method: "POST",
        headers: {
          ...jsonRpc,
          ...(given === undefined ? {} : { authorization: `Bearer ${given}` }),
          ...headers,
        },
        body: toolCall(name),
      }),
  };
}

const serverMetadata = (issuer: string) => ({
  issuer,
  token_endpoint: `${issuer}/token`,
  authorization_endpoint: `${issuer}/authorize`,
  response_types_supported: ["code"],
  grant_types_supported: ["client_credentials"],
  token_endpoint_auth_methods_supported: ["client_secret_basic"],
});

/** Serves a Fetch handler and returns its origin. */
async function serveFetch(handle: (request: Request) => Promise<Response>): Promise<string> {
  const port = await new Promise<number>((resolve) => {
    const server = listen({ fetch: handle, hostname: "127.0.0.1", port: 0 }, (address) => resolve(address.port));
    onTestFinished(() => {
      if ("closeAllConnections" in server) server.closeAllConnections();
      server.close();
    });
  });
  return `http://127.0.0.1:${port}`;
}
