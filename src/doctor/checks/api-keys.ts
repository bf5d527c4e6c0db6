// API keys that are not used, which a thief could use unnoticed, and API keys in use that end soon.
import type { Store } from "../../store/store.js";
import { type Finding, namedIds, namedMax, note } from "../finding.js";

const day = 86_400;
const [unusedDays, endingDays] = [90, 14];

export async function checkApiKeys(store: Pick<Store, "listAgingApiKeys">, now: number): Promise<readonly Finding[]> {
  const [since, until] = [now - unusedDays * day, now + endingDays * day];
  const { unused, ending } = await store.listAgingApiKeys({ now, since, until, limit: namedMax + 1 });
  const ask = "Ask its owner, and end it with `ampho api-key-revoke ID`.";
  const remind = "Remind its owner to replace it on the account page, or with `POST /api-keys/{id}/rotate`.";
  return [
    ...findingOf(unused, `not used for ${unusedDays} days`, ask),
    ...findingOf(ending, `used, and will end within ${endingDays} days`, remind),
  ];
}

function findingOf(ids: readonly string[], what: string, fix: string): readonly Finding[] {
  if (ids.length === 0) return [];
  const count = ids.length > namedMax ? `More than ${namedMax}` : ids.length;
  const keys = ids.length === 1 ? "API key was" : "API keys were";
  return [note("api-keys", `${count} ${keys} ${what}. ${namedIds(ids)}`, fix)];
}
