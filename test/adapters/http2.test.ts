// The compatibility API of node:http2: a request body has no announced length, and the host has another name.
import { once } from "node:events";
import { type ClientHttp2Session, connect, createServer, type Http2Server } from "node:http2";
import { afterAll, beforeAll, expect, it } from "vitest";
import { guarded, mount } from "../../dist/adapters/node.js";
import { type Serving, serve } from "../world/http-server.js";
import { openPort } from "../world/listen.js";
import { alice } from "../world/people.js";

let serving: Serving;
let server: Http2Server;
let session: ClientHttp2Session;
beforeAll(async () => {
  serving = await serve();
  const rest = mount(serving.ampho);
  const hello = guarded(serving.ampho, (request, response) => response.end(`Hello ${request.auth.login}`));
  // Node's types have other names for requests and responses of HTTP/2.
  server = createServer((...exchanged) =>
    Reflect.apply(exchanged[0].url === "/hello" ? hello : rest, undefined, exchanged),
  );
  session = connect(`http://127.0.0.1:${await openPort(server)}`);
});
afterAll(async () => {
  session.close();
  server.close();
  await serving.close();
});

async function ask(fields: Record<string, string>, body?: string): Promise<readonly [unknown, string]> {
  const stream = session.request(fields, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const responded = once(stream, "response");
  let text = "";
  for await (const chunk of stream) text += chunk;
  return [(await responded)[0][":status"], text];
}

const login = { ":method": "POST", ":path": "/api/security/login", "content-type": "application/json" };

it("a login whose body has no length succeeds over HTTP/2", async () => {
  const [status, text] = await ask(login, JSON.stringify(alice));
  expect([status, JSON.parse(text)]).toEqual([200, expect.objectContaining({ token_type: "Bearer" })]);
  const authorization = `Bearer ${JSON.parse(text).token}`;
  expect(await ask({ ":path": "/hello", authorization })).toEqual([200, "Hello alice"]);
  // A renewal by access token. The body is empty, whether the head announces it or not.
  const renew = { ":method": "POST", ":path": "/api/security/renew", authorization };
  expect((await ask(renew))[0]).toBe(200);
  expect((await ask(renew, ""))[0]).toBe(200);
});

it("an invalid body is rejected over HTTP/2, and the connection continues", async () => {
  const codeOf = async (fields: Record<string, string>, body: string) => {
    const [status, text] = await ask(fields, body);
    return [status, JSON.parse(text).error];
  };
  expect(await codeOf(login, `{"login":"${"a".repeat(40_000)}"}`)).toEqual([413, "payload_too_large"]);
  expect(await codeOf({ ...login, "content-type": "text/plain" }, "alice")).toEqual([415, "unsupported_media_type"]);
  expect(await codeOf(login, "{")).toEqual([400, "invalid_request"]);
  expect((await ask({ ":path": "/api/security/session" }))[0]).toBe(401);
});
