// No response reveals whether a login exists (docs/reference/contract.md §4 `invalid_credentials`). A real server returns the same bytes.
import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { openWorld, password } from "../world/ampho.js";
import { listening } from "../world/listen.js";

/** The whole response as received, without the date and the id of the request. */
async function fetchRaw(port: number, body: string, more = ""): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const head = `POST /api/security/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n`;
  socket.write(`${head}${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  let bytes = "";
  socket.setEncoding("latin1").on("data", (chunk: Buffer | string) => {
    bytes += chunk.toString();
  });
  await once(socket, "close");
  return bytes.replace(/\r\n(Date|X-Request-Id): [^\r]*/g, "\r\n$1");
}

describe("a rejected login", () => {
  it("a rejected login returns the same bytes, whatever the state of the account", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    await world.user("dora", { password });
    await world.user("nopw");
    await world.user("gone", { password });
    await world.ampho.users.disable("dora");
    await world.ampho.users.remove("gone");
    const { port } = await listening(mount(world.ampho));
    const bodies = [
      { login: "nobody", password },
      { login: "x".repeat(255), password: "y".repeat(1024) },
      { login: "ann", password: "wrong" },
      { login: "ann" },
      { login: "ann", password: "" },
      { login: "dora", password },
      { login: "dora", password: "wrong" },
      { login: "nopw", password },
      { login: "nopw" },
      { login: "gone", password },
    ];
    const { token } = await world.session(await world.user("bob"));
    const responses = new Set<string>();
    for (const body of bodies) {
      // After this time, no earlier attempt counts.
      world.clock.advance(86_400);
      responses.add(await fetchRaw(port, JSON.stringify(body)));
      responses.add(await fetchRaw(port, JSON.stringify(body), `Authorization: Bearer ${token}\r\n`));
    }
    expect([...responses]).toEqual([expect.stringMatching(/^HTTP\/1\.1 401 Unauthorized\r\n/)]);
    expect([...responses][0]).toContain('"error":"invalid_credentials"');
  });

  it("a rejected login writes the same database rows, whatever the state of the account", async () => {
    const world = await openWorld();
    await world.user("ann", { password });
    await world.user("nopw");
    const before = (await world.events()).length;
    for (const login of ["nobody", "ann", "nopw"])
      await world.call("POST", "/login", { body: { login, password: "wrong" } });
    expect((await world.events()).slice(before)).toEqual([
      "login_rejected: unknown_login",
      "login_rejected: wrong_password",
      "login_rejected: no_password_set",
    ]);
  });
});
