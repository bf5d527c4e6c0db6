// POST /keys, GET /keys, POST /keys/{id}/rotate, DELETE /keys/{id}: the API keys of the user's own account.
import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import { overlapMaxSeconds } from "../../../flows/find/api-key.js";
import type { Auth } from "../../../tokens/auth.js";
import { fields, optionalFields } from "../request/input.js";
import type { Call } from "../route.js";
import { recentNote, route } from "../route.js";
import { session } from "../route-access.js";
import { seconds } from "../schemas.js";

const scopes = z.array(z.string()).readonly();

const keyOptions = z.object({
  name: z.string().max(1024).describe("a text of at most 1024 characters, cut to 100"),
  scopes: z
    .array(z.string().max(1024))
    .max(1000)
    .describe("an array of scopes that the user has, at least one and each once"),
  expires: z.int().optional().describe("Unix seconds, at most 366 days ahead, by default 90"),
});

const keyRotation = z.object({
  overlap: z
    .int()
    .min(0)
    .max(overlapMaxSeconds)
    .optional()
    .describe(`whole seconds from 0 (the default) to ${overlapMaxSeconds}, for which the old key goes on`),
});

const newApiKey = z
  .object({
    id: z.string().describe("The id, which is no secret."),
    key: z.string().describe("The key, for `Authorization: Bearer KEY`, which no other response contains."),
    name: z.string().describe("The name in the user's list."),
    scopes: scopes.describe("The scopes of the key."),
    expires: seconds.describe("The end of the key, in Unix seconds."),
  })
  .meta({ title: "NewApiKey" });

export const apiKeyView = z.object({
  id: z.string().describe("The id, for `DELETE /keys/{id}`."),
  start: z.string().describe("The first four random characters of the key."),
  name: z.string().describe("The name in the user's list."),
  scopes: scopes.describe("The scopes that the key was granted."),
  created: seconds.describe("The time of the creation, in Unix seconds."),
  expires: seconds.describe("The end of the key, in Unix seconds."),
  last_used: z.string().nullable().describe("The day of the last use, such as `2026-11-30`."),
});

const apiKeyList = z
  .object({ keys: z.array(apiKeyView).readonly().describe("The oldest first.") })
  .meta({ title: "ApiKeys" });

function createKey(call: Call<z.output<typeof keyOptions>, Auth>): Promise<z.input<typeof newApiKey>> {
  const { flows, input, auth, caller } = call;
  return flows.createKey({ auth, ...input }, caller);
}

async function listKeys({ flows, auth, caller }: Call<undefined, Auth>): Promise<z.input<typeof apiKeyList>> {
  return { keys: await flows.listKeys({ auth }, caller) };
}

function rotateKey(call: Call<z.output<typeof keyRotation> | undefined, Auth>): Promise<z.input<typeof newApiKey>> {
  const { flows, input, auth, caller, parameters } = call;
  return flows.rotateKey({ auth, id: idOf(parameters), overlap: input?.overlap ?? 0 }, caller);
}

async function removeKey({ flows, auth, caller, parameters }: Call<undefined, Auth>): Promise<void> {
  await flows.removeKey({ auth, id: idOf(parameters) }, caller);
}

/** A text that cannot be an id is not passed to the database. */
function idOf({ id = "" }: Readonly<Record<string, string>>): string {
  if (/^[\w-]{1,64}$/.test(id)) return id;
  throw new AmphoError("not_found", "You have no API key with this id.");
}

export const keysRoutes = [
  route({
    method: "POST",
    path: "/keys",
    name: "createKey",
    summary: "Create an API key",
    notes: ["No other response contains the key. The user gets a notice by mail.", recentNote],
    access: session,
    input: fields(keyOptions),
    status: 201,
    output: newApiKey,
    errors: ["login_too_old", "login_too_weak", "unavailable"],
    available: ({ keys }) => keys,
    endpoint: createKey,
  }),
  route({
    method: "GET",
    path: "/keys",
    name: "listKeys",
    summary: "List the API keys of the user",
    access: session,
    output: apiKeyList,
    errors: ["unavailable"],
    available: ({ keys }) => keys,
    endpoint: listKeys,
  }),
  route({
    method: "POST",
    path: "/keys/{id}/rotate",
    name: "rotateKey",
    summary: "Replace an API key",
    notes: [
      "The new key has the name and the scopes of the old one, and lives as long. A key is replaced once.",
      "No other response contains the new key. The user gets a notice by mail.",
      recentNote,
    ],
    access: session,
    input: optionalFields(keyRotation),
    status: 201,
    output: newApiKey,
    errors: ["login_too_old", "login_too_weak", "not_found", "unavailable"],
    available: ({ keys }) => keys,
    endpoint: rotateKey,
  }),
  route({
    method: "DELETE",
    path: "/keys/{id}",
    name: "removeKey",
    summary: "End an API key",
    notes: ["Every process rejects the key within a second."],
    access: session,
    errors: ["not_found", "unavailable"],
    available: ({ keys }) => keys,
    endpoint: removeKey,
  }),
] as const;
