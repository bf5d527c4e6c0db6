// POST /api-keys, GET /api-keys, POST /api-keys/{id}/rotate, DELETE /api-keys/{id}: the API keys of the user's own
// account.
import * as z from "zod";
import { overlapMaxSeconds } from "../../../flows/find/api-key.js";
import { fields, idOf, optionalFields } from "../request/input.js";
import { inPreview, recentErrors, recentNote, route, servedIf } from "../route.js";
import { body, listOf, nullableText, seconds, textAs } from "../schemas.js";

const scopes = z.array(z.string()).readonly();

const apiKeyOptions = z.object({
  name: z.string().max(1024).describe("a text of at most 1024 characters, cut to 100"),
  scopes: z
    .array(z.string().max(1024))
    .max(1000)
    .describe("an array of scopes that the user has, at least one and each once"),
  expires: z.int().optional().describe("Unix seconds, at most 366 days ahead, by default 90"),
});

const apiKeyRotation = z.object({
  overlap: z
    .int()
    .min(0)
    .max(overlapMaxSeconds)
    .optional()
    .describe(`whole seconds from 0 (the default) to ${overlapMaxSeconds}, for which the old key goes on`),
});

export const newApiKey = body("NewApiKey", {
  id: textAs("The id, which is no secret."),
  key: textAs("The key, for `Authorization: Bearer KEY`, which no other response contains."),
  name: textAs("The name in the user's list."),
  scopes: scopes.describe("The scopes of the key."),
  expires: seconds.describe("The end of the key, in Unix seconds."),
});

export const apiKeyView = z.object({
  id: textAs("The id, for `DELETE /api-keys/{id}`."),
  start: textAs("The first four random characters of the key."),
  name: textAs("The name in the user's list."),
  scopes: scopes.describe("The scopes that the key was granted."),
  created: seconds.describe("The time of the creation, in Unix seconds."),
  expires: seconds.describe("The end of the key, in Unix seconds."),
  last_used: nullableText("The day of the last use, such as `2026-11-30`."),
});

export const apiKeyList = body("ApiKeys", { api_keys: listOf(apiKeyView, "The oldest first.") });

const apiKeyIdOf = (parameters: Readonly<Record<string, string>>) =>
  idOf(parameters, (id) => /^[\w-]{1,64}$/.test(id), "You have no API key with this id.");

export const apiKeysRoutes = [
  route("POST", "/api-keys", "createApiKey", {
    summary: "Create an API key",
    notes: ["No other response contains the key. The user gets a notice by mail.", recentNote],
    input: fields(apiKeyOptions),
    status: 201,
    output: newApiKey,
    errors: [...recentErrors, "too_many_attempts", "unavailable"],
    endpoint: ({ flows, input, auth, caller }) => flows.createApiKey({ auth, ...input }, caller),
  }),
  route("GET", "/api-keys", "listApiKeys", {
    summary: "List the API keys of the user",
    output: apiKeyList,
    endpoint: async ({ flows, auth, caller }) => ({ api_keys: await flows.listApiKeys({ auth }, caller) }),
  }),
  route("POST", "/api-keys/{id}/rotate", "rotateApiKey", {
    summary: "Replace an API key",
    notes: [
      "The new key has the name and the scopes of the old one, and lives as long. A key is replaced once.",
      "No other response contains the new key. The user gets a notice by mail.",
      recentNote,
    ],
    input: optionalFields(apiKeyRotation),
    status: 201,
    output: newApiKey,
    errors: [...recentErrors, "not_found", "too_many_attempts", "unavailable"],
    endpoint: ({ flows, input, auth, caller, parameters }) =>
      flows.rotateApiKey({ auth, id: apiKeyIdOf(parameters), overlap: input?.overlap ?? 0 }, caller),
  }),
  route("DELETE", "/api-keys/{id}", "removeApiKey", {
    summary: "End an API key",
    notes: ["Every process rejects the key within a second."],
    errors: ["not_found", "unavailable"],
    endpoint: ({ flows, auth, caller, parameters }) => flows.removeApiKey({ auth, id: apiKeyIdOf(parameters) }, caller),
  }),
]
  .map(inPreview)
  .map(servedIf(({ apiKeys }) => apiKeys));
