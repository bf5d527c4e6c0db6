// Mail servers that are slow or silent: a mail fails within its limit, and later mails are sent.
import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { createTransport } from "../../dist/mail/transports/create.js";
import { atEndOfFile } from "../world/clean-up.js";
import { settableClock } from "../world/clock.js";
import { startStopwatch } from "../world/deadline.js";
import { scriptedMail, startScriptedServer } from "./mail-server.js";
import { message } from "./message.js";

const silent = () => undefined;

/** Sends one octet of the response every second. */
function drip(socket: Socket): undefined {
  socket.write("250");
  const timer = setInterval(() => socket.write("-"), 1000);
  socket.on("close", () => clearInterval(timer));
}

it.concurrent.each([
  ["sends no greeting", "", silent, 10],
  ["does not respond to EHLO", "EHLO", silent, 30],
  ["does not respond to MAIL", "MAIL", silent, 30],
  ["does not respond to the mail", ".", silent, 30],
  ["sends one octet after the other", "RCPT", drip, 30],
] as const)(
  "a server that %s fails the mail within its limit, and gets the next one",
  async (_, word, misbehave, limit) => {
    let isIll = true;
    const behave = scriptedMail({});
    const misbehaving = scriptedMail({ [word]: misbehave });
    const server = await startScriptedServer((line, socket) => (isIll ? misbehaving : behave)(line, socket));
    const mailUrl = `smtp://127.0.0.1:${server.port}`;
    const transport = await createTransport({ mailUrl }, { clock: settableClock(), log: () => undefined });
    atEndOfFile(() => transport?.close?.());
    const startedMs = performance.now();
    const stop = startStopwatch();
    // More mails than connections: the last one waits for a connection, and its limit includes that.
    const sending = ["id0", "id1", "id2", "id3", "id4"].map(async (id) => transport?.send({ ...message, id }));
    for (const outcome of await Promise.allSettled(sending))
      expect(outcome).toMatchObject({ status: "rejected", reason: { name: "MailFailure", permanent: false } });
    // The stopwatch leaves out pauses of this process, and can so only show that the limit was kept.
    expect(stop() / 1000).toBeLessThan(35);
    expect((performance.now() - startedMs) / 1000).toBeGreaterThan(limit - 1);
    isIll = false;
    await transport?.send({ ...message, id: "id9" });
  },
);
