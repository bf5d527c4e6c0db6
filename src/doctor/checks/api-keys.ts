// API keys that are not used, which a thief could use unnoticed, and API keys in use that end soon.
import type { Store } from "../../store/store.js";
import { type Finding, note } from "../finding.js";

const day = 86_400;
const [unusedDays, endingDays] = [90, 14];
/** As many keys are named. */
const namedMax = 10;

export async function checkApiKeys(store: Pick<Store, "listAgingKeys">, now: number): Promise<readonly Finding[]> {
  const [since, until] = [now - unusedDays * day, now + endingDays * day];
  const { unused, ending } = await store.listAgingKeys({ now, since, until, limit: namedMax + 1 });
  return [
    ...findingOf(unused, `not used for ${unusedDays} days`, "Ask its owner, and end it with `ampho key-revoke ID`."),
    ...findingOf(
      ending,
      `used, and will end within ${endingDays} days`,
      "Remind its owner to replace it on the account page, or with `POST /keys/{id}/rotate`.",
    ),
  ];
}

function findingOf(ids: readonly string[], what: string, fix: string): readonly Finding[] {
  if (ids.length === 0) return [];
  const count = ids.length > namedMax ? `More than ${namedMax}` : ids.length;
  const keys = ids.length === 1 ? "API key was" : "API keys were";
  const named = `${ids.slice(0, namedMax).join(", ")}${ids.length > namedMax ? ", …" : ""}`;
  return [note("api-keys", `${count} ${keys} ${what}. The ids: ${named}.`, fix)];
}
