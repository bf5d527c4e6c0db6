// A process that dies after the mail server has accepted its mail. The mail arrives once more, with the same code.
import { expect, it } from "vitest";
import type { Instance } from "../ampho/processes.js";
import { onBothDatabases } from "../gate/owners.js";
import { startMailServer } from "../mail/mail-server.js";
import { askAll, expectWhole, holdMs, people, prepare, start } from "./mailers.js";

onBothDatabases((ground) => {
  it("a kill after the mail server has accepted a mail sends it once more, with the same code", async () => {
    const world = await prepare(ground);
    const received: { raw: string }[] = [];
    let first: Instance | undefined;
    let asked: Promise<readonly string[]> | undefined;
    let killed: Promise<void> | undefined;
    const server = await startMailServer({
      onData(stream, _, callback) {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          received.push({ raw: Buffer.concat(chunks).toString("utf8") });
          // The process that sends it dies before it knows, and after it has reported which requests it acknowledged.
          killed ??= asked?.then(() => first?.kill());
          void (killed ?? Promise.resolve()).then(() => callback(null));
        });
      },
    });
    first = await start(ground, world, server.port);
    asked = askAll(first, people);
    const acknowledged = await asked;
    await expect.poll(() => killed !== undefined, { timeout: holdMs }).toBe(true);
    await killed;
    await start(ground, world, server.port);
    const isWhole = async () => {
      const rows = await ground.sql(world, "select n from ampho_mail where sent_at is null");
      return rows.length;
    };
    await expect.poll(isWhole, { timeout: 3 * holdMs, interval: 500 }).toBe(0);
    await expectWhole(received, acknowledged);
    expect(received.length).toBeGreaterThan(acknowledged.length);
  });
});
