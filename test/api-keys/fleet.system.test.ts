// An ended API key at eight instances, on both databases.
import { expect, it } from "vitest";
import { onBothDatabases } from "../gate/owners.js";
import { withinSecond } from "../world/deadline.js";
import { askGuard, keysOf, readers, scopes } from "./worlds.js";

onBothDatabases((ground) => {
  it("M-02: a key that one of eight instances ended is rejected by the others within a second, and after a restart", async () => {
    const first = await ground.open({ scopes, apiKeys: 1000 });
    const ann = await first.ampho.users.create({ login: "ann", roles: ["editor"] });
    const others = await Promise.all(Array.from({ length: 7 }, () => first.another()));
    const { create } = await keysOf(first, ann.id);
    const keys: { readonly id: string; readonly key: string }[] = [];
    for (let n = 0; n < 20; n++) keys.push(await create());
    const everywhere = [first, ...others];
    for (const { key } of keys)
      expect(new Set(await Promise.all(everywhere.map((each) => askGuard(each, key, readers))))).toEqual(
        new Set(["articles:read"]),
      );
    for (const { id, key } of keys.slice(0, 5)) {
      expect(await others[3]?.ampho.apiKeys.revoke(id)).toBe(true);
      const asked = () => Promise.all(everywhere.map((each) => askGuard(each, key, readers)));
      await withinSecond(asked, Array(8).fill("invalid_token"));
    }
    await others[6]?.ampho.users.disable("ann");
    const rest = () => Promise.all(everywhere.map((each) => askGuard(each, keys.at(-1)?.key ?? "", readers)));
    await withinSecond(rest, Array(8).fill("invalid_token"));
    const restarted = await first.another();
    for (const { key } of keys) expect(await askGuard(restarted, key, readers)).toBe("invalid_token");
  });

  it("M-01: ends and requests of many keys at once leave no dead key in any cache", async () => {
    const first = await ground.open({ scopes, apiKeys: 1000 });
    const ann = await first.ampho.users.create({ login: "ann", roles: ["editor"] });
    const others = await Promise.all([first.another(), first.another()]);
    const { create } = await keysOf(first, ann.id);
    const keys = await Promise.all(Array.from({ length: 40 }, () => create()));
    await Promise.all(
      keys.flatMap(({ id, key }) => [
        ...[first, ...others].map((each) => askGuard(each, key, readers)),
        first.ampho.apiKeys.revoke(id),
        ...[first, ...others].map((each) => askGuard(each, key, readers)),
      ]),
    );
    const left = async () => {
      const asked = [first, ...others].flatMap((each) => keys.map(({ key }) => askGuard(each, key, readers)));
      return [...new Set(await Promise.all(asked))];
    };
    await withinSecond(left, ["invalid_token"]);
  });
});
