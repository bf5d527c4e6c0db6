// Each login without a device proof makes one more known device. Together they get no more mails and attempts at mailed
// codes than three of them.
import { expect, it } from "vitest";
import { password, type World } from "../world/ampho.js";
import { addPerson, openMailing, otherDigits } from "./mailboxes.js";
import { onBothDatabases } from "./owners.js";

const ann = "ann@x.example";
const devicesOf = async (world: World, count: number) => {
  const devices: string[] = [];
  while (devices.length < count) {
    const { json } = await world.call("POST", "/login", { body: { login: ann, password } });
    devices.push(String(json["device"]));
  }
  return devices;
};

onBothDatabases((ground) => {
  it("many known devices of an account get no more mails than three of them", async () => {
    const world = await openMailing(ground, { throttleAttempts: 3 });
    await addPerson(world, ann, password);
    const devices = await devicesOf(world, 8);
    let sent = 0;
    for (let round = 0; round < 4; round += 1) {
      world.clock.advance(61);
      for (const device of devices) {
        const body = { login: ann, device };
        if ((await world.call("POST", "/login/mail", { body })).status === 200) sent += 1;
      }
    }
    expect(sent).toBe(9);
    // An hour later there are mails again.
    world.clock.advance(3600);
    expect((await world.call("POST", "/login/mail", { body: { login: ann, device: devices[0] } })).status).toBe(200);
  });

  it("many known devices of an account get no more attempts at mailed codes than three of them", async () => {
    const world = await openMailing(ground);
    await addPerson(world, ann, password);
    const devices = await devicesOf(world, 6);
    let attempts = 0;
    for (let round = 0; round < 3; round += 1) {
      world.clock.advance(61);
      for (const device of devices) {
        const begun = await world.call("POST", "/login/mail", { body: { login: ann, device } });
        const { code } = await world.mail("login");
        const { transaction } = begun.json;
        for (let guess = 0; guess < 5; guess += 1) {
          const body = { transaction, code: otherDigits(code), device };
          if ((await world.call("POST", "/login", { body })).status === 401) attempts += 1;
        }
      }
    }
    // After them, a wait lets single attempts through.
    expect(attempts).toBeGreaterThanOrEqual(30);
    expect(attempts).toBeLessThan(35);
  });
});
