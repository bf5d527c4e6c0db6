// API keys that nobody uses, which a thief could, and API keys in use that end soon.
import type { SomeKeys } from "../../store/sql/keys.js";
import type { Store } from "../../store/store.js";
import { type Finding, note } from "../finding.js";

const day = 86_400;
const [unusedDays, endingDays] = [90, 14];

export async function checkApiKeys(store: Pick<Store, "listAgingKeys">, now: number): Promise<readonly Finding[]> {
  const { unused, ending } = await store.listAgingKeys({
    now,
    since: now - unusedDays * day,
    until: now + endingDays * day,
  });
  return [
    ...findingOf(
      unused,
      `not used for ${unusedDays} days`,
      "End it with `ampho key-revoke ID`, after you have asked its owner.",
    ),
    ...findingOf(
      ending,
      `used, and ${ending.count === 1 ? "ends" : "end"} within ${endingDays} days`,
      "Remind its owner to replace it on the account page or by `POST /keys/{id}/rotate`.",
    ),
  ];
}

function findingOf({ count, ids }: SomeKeys, what: string, fix: string): readonly Finding[] {
  if (count === 0) return [];
  const named = `${ids.join(", ")}${count > ids.length ? ", …" : ""}`;
  return [
    note("api-keys", `${count === 1 ? "1 API key was" : `${count} API keys were`} ${what}. The ids: ${named}.`, fix),
  ];
}
