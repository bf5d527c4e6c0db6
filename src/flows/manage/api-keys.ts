// API keys of any user, for operators and for `ampho.apiKeys`.
import { randomId } from "../../crypto/random.js";
import { AmphoError } from "../../errors.js";
import { isServiceId } from "../../logins/service-id.js";
import { isStorableText } from "../../store/storable-text.js";
import { apiKeyHash, apiKeyTest } from "../../tokens/api-key.js";
import { originFor } from "../../users/directory.js";
import { findAccount } from "../find/account.js";
import { addApiKey, replaceApiKey, toApiKeyView } from "../find/api-key.js";
import * as check from "./checks.js";
import type { InspectedApiKey, Management, UserRef } from "./management.js";
import { type Manager, toRef } from "./manager.js";

export function manageApiKeys(m: Manager): Management["apiKeys"] {
  const { store, clock, settings, origin, forUser } = m;

  /** A service account has keys, too. */
  const forOwner = <R>(run: (ownerId: string) => Promise<R>) =>
    check.checked({ user: check.user("id") }, async (given: string | UserRef) => {
      const ref = toRef(given, "id");
      const isService = "id" in ref && isServiceId(ref.id) && (await store.findService(ref.id)) !== undefined;
      return run(isService ? ref.id : await m.idOf(given));
    });

  async function ownerOf(userId: string) {
    if (settings.apiKeysPerUser === 0)
      throw new AmphoError("not_found", "There are no API keys here. Set AMPHO_SECURITY_API_KEYS.");
    const owner = await findAccount(m, userId);
    if (owner === undefined || owner.disabled)
      throw new AmphoError("not_found", "There is no user with this id who could have API keys.");
    const stored = owner.stored === undefined ? (false as const) : {};
    const who = { userId, login: owner.login, stored, own: undefined, apiKeysMax: settings.apiKeysPerUser };
    return { owner, asker: { ...who, now: clock.now(), origin: originFor(owner, origin) } };
  }

  return {
    create: forUser({ key: check.newKey }, async (userId, key) => {
      const { owner, asker } = await ownerOf(userId);
      return addApiKey(m, owner, key, asker);
    }),
    list: forOwner(async (ownerId) => (await store.listApiKeys(ownerId)).map(toApiKeyView)),
    rotate: forUser({ key: check.apiKeyRotation }, async (userId, key) => {
      const { owner, asker } = await ownerOf(userId);
      return replaceApiKey(m, owner, key, asker);
    }),
    revoke: check.checked({ id: check.string }, async (id) => {
      if (!isStorableText(id)) return false;
      const removed = await store.removeApiKey({ id, userId: undefined, now: clock.now(), origin });
      return removed.outcome === "done";
    }),
    revokeForUser: forOwner((userId) => store.removeUserApiKeys({ userId, now: clock.now(), origin })),
    // This process rejects them when it next reads the revocations, as every other does.
    revokeForEveryone: () => store.removeAllApiKeys({ random: randomId(), now: clock.now(), origin }),
    inspect: check.checked({ key: check.string }, (key) => inspectApiKey(m, key)),
  };
}

async function inspectApiKey({ store, directory, settings, clock }: Manager, text: string): Promise<InspectedApiKey> {
  const form = apiKeyTest(settings.apiKeyBrand)(text);
  const row = form ? await store.findApiKeyByHash(apiKeyHash(text)) : undefined;
  if (row === undefined) return { form, api_key: null, user: null, login: null, good: false };
  const { userId: user, login, expiresAt } = row;
  const service = await store.findService(user);
  if (service !== undefined) {
    const good = settings.tokenEndpoint && expiresAt > clock.now() && !service.disabled;
    return { form, api_key: { ...toApiKeyView(row), scopes: service.scopes }, user, login: service.name, good };
  }
  // A command cannot read an application's own table.
  const isOut = await directory.fromRows(async () => (await directory.findSessionUser(row))?.disabled ?? true);
  const good = settings.apiKeysPerUser > 0 && expiresAt > clock.now() && isOut !== true;
  return { form, api_key: toApiKeyView(row), user, login, good };
}
