// An instance whose mail server fails: responses do not wait for it, a mail is sent again with the same code, and the audit
// log has each failure.
import type { Socket } from "node:net";
import { expect, it } from "vitest";
import type { AmphoOptions } from "../../dist/index.js";
import { openWorld, password, type World } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";
import { startStopwatch } from "../world/deadline.js";
import { scriptedMail, startScriptedServer } from "./mail-server.js";

type Changes = Parameters<typeof scriptedMail>[0];

/** An instance with a server that misbehaves until `recover` is called. */
async function openOutage(changes: Changes, options: AmphoOptions = {}) {
  let current = scriptedMail(changes);
  const server = await startScriptedServer((line, socket) => current(line, socket));
  const world = await openWorld({
    appUrl: "https://shop.example/",
    appName: "Shop",
    mailLogin: true,
    clock: runningClock(),
    mailUrl: `smtp://127.0.0.1:${server.port}`,
    mailFrom: "no-reply@shop.example",
    ...options,
  });
  return {
    world,
    server,
    recover: () => {
      current = scriptedMail({});
    },
  };
}

async function ask(world: World, login: string, address = "192.0.2.1"): Promise<Readonly<Record<string, unknown>>> {
  const response = await world.call("POST", "/login/mail", { body: { login }, address });
  expect(response.status, response.text).toBe(200);
  return response.json;
}

const codesIn = (lines: readonly string[]) => lines.filter((line) => /^\d\d \d\d \d\d \d\d$/.test(line));
const mailEvents = async (world: World) =>
  (await world.events()).filter((event) => /^mail_(?:sent|failed|dropped)/.test(event));

it("a mail that the server rejects for now is sent again with the same code, which logs the user in", async () => {
  const { world, server, recover } = await openOutage({ ".": () => "451 4.3.0 try again" });
  await world.user("ann@example.com", { password });
  const { transaction } = await ask(world, "ann@example.com");
  await expect.poll(() => mailEvents(world)).toEqual(["mail_failed: The mail server rejected DATA with 451 4.3.0."]);
  recover();
  await expect.poll(() => mailEvents(world)).toHaveLength(2);
  expect((await mailEvents(world))[1]).toBe("mail_sent");
  const [code = "", again] = [...new Set(codesIn(server.lines))];
  expect(again).toBeUndefined();
  expect(new Set(server.lines.filter((line) => line.startsWith("Message-ID"))).size).toBe(1);
  const login = { transaction, code: code.replaceAll(" ", "") };
  expect((await world.call("POST", "/login", { body: login })).status).toBe(200);
});

it("a mail that is lost after DATA arrives twice with the same code and the same Message-ID", async () => {
  const lose = (socket: Socket) => void socket.destroy();
  const { world, server, recover } = await openOutage({ ".": (socket) => lose(socket) as undefined });
  await world.user("ann@example.com", { password });
  await ask(world, "ann@example.com");
  await expect.poll(() => mailEvents(world)).toHaveLength(1);
  recover();
  await expect.poll(() => mailEvents(world)).toHaveLength(2);
  const ids = server.lines.filter((line) => line.startsWith("Message-ID"));
  // Each mail has the code as plain text only once on a line of its own.
  expect([ids.length, new Set(ids).size]).toEqual([2, 1]);
  expect([codesIn(server.lines).length, new Set(codesIn(server.lines)).size]).toEqual([2, 1]);
});

it("a mail that the server rejects for good is dropped, and not sent again", async () => {
  const { world, server } = await openOutage({ RCPT: () => "550 5.1.1 <ann@example.com> is unknown" });
  await world.user("ann@example.com", { password });
  await ask(world, "ann@example.com");
  await expect
    .poll(() => mailEvents(world))
    .toEqual(["mail_dropped: The mail server rejected RCPT TO with 550 5.1.1."]);
  expect(await world.ampho.mail.list()).toMatchObject([{ attempts: 1, next: null }]);
  expect(server.lines.filter((line) => line.startsWith("RCPT"))).toHaveLength(1);
  expect(await mailEvents(world)).toHaveLength(1);
  expect(world.notices.join("\n")).not.toContain("ann@example.com");
});

it("responses do not wait for a silent mail server, and their mails arrive when it recovers", async () => {
  const timed = async (world: World, users: number) => {
    const times: number[] = [];
    for (let at = 0; at < users; at += 1) {
      const elapsedMs = startStopwatch();
      await ask(world, `ann${at}@example.com`, `192.0.2.${at}`);
      times.push(elapsedMs());
    }
    return times.sort((a, b) => a - b)[Math.floor(users / 2)] ?? 0;
  };
  const users = 12;
  const [silent, healthy] = await Promise.all([openOutage({ EHLO: () => undefined }), openOutage({})]);
  for (const { world } of [silent, healthy])
    for (let at = 0; at < users; at += 1) await world.user(`ann${at}@example.com`, { password });
  const medians = [await timed(silent.world, users), await timed(healthy.world, users)];
  // A response that waited would take the 30 s of the limit.
  for (const median of medians) expect(median).toBeLessThan(1000);
  silent.recover();
  await expect
    .poll(() => new Set(silent.server.lines.filter((line) => line.startsWith("RCPT"))).size, { timeout: 90_000 })
    .toBe(users);
  // On a busy machine a mail that the server accepts a moment too late is sent again, so the mails are counted.
  const arrived = async () => (await silent.world.ampho.mail.list()).filter(({ sent }) => sent !== null);
  await expect.poll(async () => (await arrived()).length).toBe(users);
});

it("a call of mailText that never settles delays its mail, and stops no later one", async () => {
  const arrived: string[] = [];
  let calls = 0;
  const { world } = await openOutage(
    {},
    {
      mail: async ({ to }) => void arrived.push(to),
      // As many calls as mails that are sent at once wait for a service that is silent.
      mailText: () => (calls++ < 10 ? new Promise(() => undefined) : undefined),
    },
  );
  for (let at = 0; at < 11; at += 1) {
    await world.user(`ann${at}@example.com`, { password });
    await ask(world, `ann${at}@example.com`, `192.0.2.${at}`);
  }
  await expect.poll(() => new Set(arrived).size).toBe(11);
  // On a busy machine a mail that waits for its text can be sent a second time.
  const failed = (await mailEvents(world)).filter((event) => event !== "mail_sent");
  expect(failed.length).toBeGreaterThanOrEqual(10);
  expect(new Set(failed)).toEqual(new Set(["mail_failed: The option mailText did not settle within 10 s."]));
});

it("the log has neither the code nor the error of mailText", async () => {
  const shown: string[] = [];
  const { world } = await openOutage(
    {},
    {
      mailText: (_, { code = "", link = "" }) => {
        shown.push(code, link);
        throw new Error(`no template for ${code} ${link}`);
      },
    },
  );
  await world.user("ann@example.com", { password });
  await ask(world, "ann@example.com");
  await expect.poll(() => mailEvents(world)).toContain("mail_failed: The option mailText failed.");
  expect(shown.slice(0, 2)).toEqual([expect.stringMatching(/^[\d ]{11}$/), expect.stringMatching(/^https:/)]);
  for (const secret of shown) expect(world.notices.join("\n")).not.toContain(secret);
});
