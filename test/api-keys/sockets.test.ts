// Sockets that were opened with an API key: what ends the key, or the right that opened the socket, closes it.
import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { guardedUpgrade } from "../../dist/adapters/node.js";
import { generateApiKey } from "../../dist/tokens/api-key.js";
import { withinSecond } from "../world/deadline.js";
import { listening } from "../world/listen.js";
import { openKeys, readers, writers } from "./worlds.js";

async function openSockets() {
  const keys = await openKeys();
  const { ampho } = keys.world;
  const sockets = new WebSocketServer({ noServer: true });
  const listen = (requirements: typeof readers | typeof writers) =>
    guardedUpgrade(ampho, requirements, (request, socket, head, ended) =>
      sockets.handleUpgrade(request, socket, head, (peer) => {
        ended.addEventListener("abort", () => peer.close(4401));
      }),
    );
  const listeners = { "/read": listen(readers), "/write": listen(writers) };
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    const listener = request.url === "/write" ? listeners["/write"] : listeners["/read"];
    listener(request, socket, head);
  });
  const { port } = await listening(server);
  onTestFinished(() => {
    for (const peer of sockets.clients) peer.terminate();
  });
  const connect = async (key: string, path: string) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${key}` } });
    let code: number | undefined;
    socket.once("close", (closed) => {
      code = closed;
    });
    await new Promise<void>((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return () => code;
  };
  return { ...keys, ampho, connect };
}

describe("a socket that was opened with an API key", () => {
  it("it is closed when every key ends, although no revocation names its key", async () => {
    const { ampho, create, connect } = await openSockets();
    const closed = await connect((await create()).key, "/read");
    await ampho.apiKeys.revokeForEveryone();
    await withinSecond(closed, 4401);
  });

  it("it is closed when its owner loses a scope of the key, and the socket of another key stays open", async () => {
    const { ampho, create, connect } = await openSockets();
    const wide = await create({ scopes: ["articles:read", "articles:write"] });
    const [reads, writes] = [await connect((await create()).key, "/read"), await connect(wide.key, "/write")];
    await ampho.users.setRoles("ann", { set: ["reader"] });
    await withinSecond(writes, 4401);
    expect(reads()).toBeUndefined();
    await ampho.users.setRoles("ann", { set: [] });
    await withinSecond(reads, 4401);
  });

  it("it stays open while a flood of wrong keys does not let its key be read again", async () => {
    const { ampho, create, connect, ask } = await openSockets();
    const { key } = await create();
    const closed = await connect(key, "/read");
    const asked: Promise<string>[] = [];
    let flooding = true;
    const flood = async () => {
      for (; flooding; await setImmediate()) for (let n = 0; n < 500; n++) asked.push(ask(generateApiKey("ampho")));
    };
    const flooded = flood();
    // The key is read again after each change of the roles.
    for (const seen = new Set<string>(); !seen.has("overloaded"); seen.add(await ask(key))) {
      await ampho.users.setRoles("ann", { set: ["editor", "reader"] });
      await ampho.users.setRoles("ann", { set: ["editor"] });
    }
    flooding = false;
    await Promise.all([flooded, ...asked]);
    expect(await ask(key)).toBe("articles:read");
    expect(closed()).toBeUndefined();
  });
});
