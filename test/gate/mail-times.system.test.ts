// The time of responses to requests for mails. A stranger learns nothing from it.
import { expect, it } from "vitest";
import { password } from "../world/ampho.js";
import { claimsOf } from "../world/tokens.js";
import { addPerson, openMailing } from "./mailboxes.js";
import { onBothDatabases } from "./owners.js";

/** The probability that a request of the first kind takes longer than one of the second. */
function areaUnderCurve(first: readonly number[], second: readonly number[]): number {
  const ranked = [...first.map((ms) => ({ ms, own: 1 })), ...second.map((ms) => ({ ms, own: 0 }))].sort(
    (a, b) => a.ms - b.ms,
  );
  const rankSum = ranked.reduce((sum, { own }, at) => sum + own * (at + 1), 0);
  return (rankSum - (first.length * (first.length + 1)) / 2) / (first.length * second.length);
}

const shuffled = <T>(items: readonly T[]): T[] => {
  const left = [...items];
  return items.flatMap(() => left.splice(Math.floor(Math.random() * left.length), 1));
};

onBothDatabases((ground) => {
  it("responses distinguish known, unknown, disabled and unproven accounts neither in form nor in time", async () => {
    const world = await openMailing(ground);
    const routes = {
      "/login/mail": { domain: "a.example", member: "login" },
      "/password/reset": { domain: "b.example", member: "login" },
      "/register": { domain: "c.example", member: "email" },
    } as const;
    const names = ["known", "plain", "gone0", "nobod"] as const;
    // All routes count a login together. So each route has its own, and the routes can take their turns side by side.
    for (const { domain } of Object.values(routes)) {
      await addPerson(world, `known@${domain}`, password);
      await world.user(`plain@${domain}`, { password });
      await world.user(`gone0@${domain}`, { password });
      await world.ampho.users.disable(`gone0@${domain}`);
    }
    const times = new Map<string, number[]>();
    const shapes = new Map<string, string>();
    const ask = async (path: keyof typeof routes, name: string) => {
      const { domain, member } = routes[path];
      const began = performance.now();
      const response = await world.call("POST", path, { body: { [member]: `${name}@${domain}` } });
      const ms = performance.now() - began;
      const key = `${path} ${name}`;
      times.set(key, [...(times.get(key) ?? []), ms]);
      const headers = [...response.headers.keys()].filter((each) => !["date", "x-request-id"].includes(each)).sort();
      const { transaction, ...rest } = response.json;
      const claims = Object.keys(claimsOf(String(transaction)));
      const shape = JSON.stringify([response.status, headers, response.text.length, Object.keys(rest), claims]);
      shapes.set(path, shapes.get(path) ?? shape);
      expect([path, name, shape]).toEqual([path, name, shapes.get(path)]);
    };
    const measure = async (rounds: number) => {
      for (let round = 0; round < rounds; round += 1) {
        world.clock.advance(61);
        await Promise.all(
          (Object.keys(routes) as (keyof typeof routes)[]).map(async (path) => {
            for (const name of shuffled(names)) await ask(path, name);
          }),
        );
      }
    };
    const areas = () =>
      Object.keys(routes).flatMap((path) =>
        names.flatMap((name, at) =>
          names.slice(at + 1).map((other) => {
            const area = areaUnderCurve(times.get(`${path} ${name}`) ?? [], times.get(`${path} ${other}`) ?? []);
            return { path, name, other, area };
          }),
        ),
      );
    const apart = () => areas().filter(({ area }) => area < 0.4 || area > 0.6);
    await measure(20);
    times.clear();
    await measure(150);
    // A difference in time stays with more requests, and noise of a busy machine does not.
    for (let again = 0; again < 3 && apart().length > 0; again += 1) await measure(150);
    expect(apart()).toEqual([]);
    // The least time of a response hides its work. A timer of Node can end a millisecond early.
    expect(Math.min(...[...times.values()].flat())).toBeGreaterThan(48);
  }, 900_000);
});
