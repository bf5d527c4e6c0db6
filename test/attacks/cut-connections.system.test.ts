// Connections that are reset while many requests wait on them, some of which were rejected before they were complete. Node
// fails an assertion, which ends the process, when the response to a later request is sent before those that wait.
import { connect } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { alice } from "../world/people.js";
import { bearer } from "../world/requests.js";
import { addUser, freshPlace, logIn, type Served, startServe, unthrottled } from "../world/serve.js";
import { pause } from "../world/wait.js";

let served: Served;
beforeAll(async () => {
  const place = freshPlace(unthrottled);
  await addUser(place);
  served = await startServe(place);
});
const prefix = "/api/security";
const large = "x".repeat(20_000);
const body = JSON.stringify({ login: alice.login });
const lines = (line: string, ...fields: string[]) =>
  `${[`${line} HTTP/1.1`, "Host: x", ...fields].join("\r\n")}\r\n\r\n`;
const login = (...fields: string[]) => lines(`POST ${prefix}/login`, "Content-Type: application/json", ...fields);
const rejectedEarly = `${lines(`POST ${prefix}/logout`, `Content-Length: ${large.length}`)}${large}`;
const rejectedInChunks = `${login("Transfer-Encoding: chunked")}5000\r\n${"x".repeat(0x5000)}\r\n0\r\n\r\n`;
const respondedLate = `${login(`Content-Length: ${body.length}`)}${body}`;
const respondedAtOnce = lines(`GET ${prefix}/session`);

function cut(text: string, afterMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(served.port, "127.0.0.1");
    socket.on("error", () => undefined).on("close", () => resolve());
    // Half of them read nothing.
    if (afterMs % 2 === 0) socket.resume();
    socket.write(text);
    void pause(afterMs).then(() => socket.resetAndDestroy());
  });
}

describe("reset connections", () => {
  it.each([
    ["requests that are rejected before their end", [rejectedEarly]],
    ["requests in chunks that are rejected before their end", [rejectedInChunks]],
    [
      "these between others",
      [rejectedEarly, respondedAtOnce, rejectedInChunks, respondedLate, rejectedEarly, respondedLate],
    ],
  ])("a reset in the middle of many %s ends no other connection", { timeout: 180_000 }, async (_, texts) => {
    const { token } = await logIn(served);
    for (let round = 0; round < 4; round++) {
      const all = Array.from({ length: 60 }, (_, n) =>
        cut(texts.join("").repeat(60 / texts.length), 5 + ((n * 7) % 200)),
      );
      await Promise.all(all);
      const response = await fetch(`${served.url}/session`, { headers: bearer(token) });
      expect([response.status, served.process.exitCode]).toEqual([200, null]);
    }
    expect(served.entries().filter(({ status }) => status === 500)).toEqual([]);
  });
});
