// The conformance suite of the Model Context Protocol, against a server whose tools Ampho guards.
//
// The scenarios of the suite for servers send no token, so a proxy adds one. Of these scenarios, the ones run that pass
// `tokenVerifier` and `guardedTool`: the beginning of a connection, the list of tools, and each kind of result of a tool.
// These do not apply:
// - resources, prompts, completions and `logging/setLevel`: `ampho/mcp` guards tools alone, so they would test the SDK.
// - sampling, elicitation, resumption and several streams: they need a server that keeps sessions, and their tools differ
//   from the others by what they ask of the SDK.
// - the check of `Host` against DNS rebinding: it is that of the SDK, in front of the guard.
// - every scenario `auth/…`: the suite plays the servers there, and tests a client. Ampho is none. The rejections and the
//   metadata that these clients need are tested in mcp.test.ts, with the client of the SDK.
import { execFile } from "node:child_process";
import { request as forward } from "node:http";
import { promisify } from "node:util";
import type { CallToolResult, McpServer, ServerContext } from "@modelcontextprotocol/server";
import { beforeAll, expect, it } from "vitest";
import { guardedTool } from "../../dist/mcp.js";
import { shell, write } from "../installs/project.js";
import { freshFolder } from "../world/folder.js";
import { listen } from "../world/listen.js";
import { openMcp } from "./mcp-world.js";

/** The suite needs it. */
const node = "24";
const suite = "@modelcontextprotocol/conformance@0.1.16";

const scenarios = [
  "server-initialize",
  "ping",
  "tools-list",
  "tools-call-simple-text",
  "tools-call-image",
  "tools-call-audio",
  "tools-call-embedded-resource",
  "tools-call-mixed-content",
  "tools-call-error",
  "tools-call-with-logging",
  "tools-call-with-progress",
];

let folder = "";
beforeAll(() => {
  folder = freshFolder();
  write(folder, { "package.json": '{ "name": "project", "version": "1.0.0", "private": true }' });
  shell(folder, `npm i --no-audit --no-fund ${suite}`, {}, node);
});

const text = (value: string) => ({ type: "text" as const, text: value });
const resource = (uri: string, mimeType: string, value: string) => ({
  type: "resource" as const,
  resource: { uri: `test://${uri}`, mimeType, text: value },
});
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const image = { type: "image" as const, data: pixel, mimeType: "image/png" };
const silence = Buffer.concat([Buffer.from("RIFF"), Buffer.alloc(4), Buffer.from("WAVEfmt "), Buffer.alloc(24)]);
const audio = { type: "audio" as const, data: silence.toString("base64"), mimeType: "audio/wav" };

/** The tools of the suite, each behind a required scope. */
function registerTools(server: McpServer): void {
  const add = (name: string, handler: (context: ServerContext) => CallToolResult | Promise<CallToolResult>) =>
    server.registerTool(
      name,
      ...guardedTool(
        { scopes: ["articles:read"] },
        { description: "A tool of the suite.", handler: (_input, _auth, context: ServerContext) => handler(context) },
      ),
    );
  const mixed = resource("mixed-content-resource", "application/json", '{"test":"data","value":123}');
  add("test_simple_text", () => ({ content: [text("This is a simple text response for testing.")] }));
  add("test_image_content", () => ({ content: [image] }));
  add("test_audio_content", () => ({ content: [audio] }));
  add("test_embedded_resource", () => ({
    content: [resource("embedded-resource", "text/plain", "This is an embedded resource content.")],
  }));
  add("test_multiple_content_types", () => ({ content: [text("Multiple content types test:"), image, mixed] }));
  add("test_error_handling", () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  add("test_tool_with_logging", async ({ mcpReq }) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"])
      await mcpReq.log("info", data);
    return { content: [text("done")] };
  });
  add("test_tool_with_progress", async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    if (progressToken !== undefined)
      for (const progress of [0, 50, 100])
        await mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: 100 } });
    return { content: [text("done")] };
  });
}

/** Adds the token to each request, and returns what the scenario of the suite ends with. */
async function run(scenario: string, target: string, token: string | undefined) {
  const { url } = await listen((request, response) => {
    const headers = { ...request.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const sent = forward(target, { method: request.method, headers }, (received) => {
      response.writeHead(received.statusCode ?? 502, received.headers);
      received.pipe(response);
    });
    request.pipe(sent.on("error", () => response.destroy()));
  });
  const command = `conformance server --url ${url}/mcp --scenario ${scenario}`;
  const env = { ...process.env, PATH: `${folder}/node_modules/.bin:${process.env["PATH"]}` };
  return promisify(execFile)("npx", ["-y", "-p", `node@${node}`, "-c", command], { cwd: folder, env }).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    ({ code, stdout, stderr }) => ({ code, said: `${stdout}${stderr}` }),
  );
}

it.each(scenarios)("a guarded server passes the scenario %s", async (scenario) => {
  const mcp = await openMcp({ tools: registerTools });
  const { code, said } = await run(scenario, mcp.url, mcp.token({ scope: "articles:read" }));
  expect(code, said).toBe(0);
  // A scenario that the suite no longer knows would check nothing.
  expect(said).toMatch(/Passed: [1-9]\d*\/[1-9]/);
});

it("no scenario passes without a token, and no call without the scope", async () => {
  const mcp = await openMcp({ tools: registerTools });
  expect((await run("server-initialize", mcp.url, undefined)).code).not.toBe(0);
  expect((await run("tools-call-simple-text", mcp.url, mcp.token({ scope: "other" }))).code).not.toBe(0);
  expect((await run("tools-list", mcp.url, mcp.token({ aud: "https://elsewhere.example/mcp" }))).code).not.toBe(0);
});
