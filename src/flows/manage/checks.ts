// Checks of the arguments of `ampho.users` and the like. JavaScript callers can pass any value, and it is in no error.
import { isJsonObject, isTexts } from "../../crypto/json.js";
import { invalidRequest } from "../../errors.js";
import { isCredentialId } from "../../factors/passkey/webauthn-response.js";
import { acrs } from "../../levels/acr.js";
import { isFactorName } from "../../levels/factors.js";
import { policies } from "../../levels/policy.js";
import { isStorableName } from "../../store/storable-text.js";
import { findRoleProblem } from "../../users/directory.js";
import { overlapMaxSeconds } from "../find/api-key.js";
import type { RoleChange } from "./management.js";

/** Throws `invalid_request`. `label`: the name in the message, such as `user.login`. The default is `field`. */
export type Check = (field: string, value: unknown, label?: string) => void;

export type Checks = Readonly<Record<string, Check>>;

const rule =
  (accepts: (value: unknown) => boolean, expected: string): Check =>
  (field, value, label = field) => {
    if (!accepts(value)) throw invalidRequest(`${label} must be ${expected}.`, field);
  };

const oneOf = (values: readonly unknown[]): Check => rule((value) => values.includes(value), values.join(" or "));

const isString = (value: unknown): value is string => typeof value === "string";

const isIterable = (value: unknown): boolean =>
  typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);

const hasMember = (value: unknown, member: string): boolean => isJsonObject(value) && Object.hasOwn(value, member);

export const string = rule(isString, "a string");
export const stringArray = rule(isTexts, "an array of strings");
export const object = rule(isJsonObject, "an object");
export const callback = rule((value) => typeof value === "function", "a function");
/** Revocations are written under this name, and no token can contain an empty one. */
export const name = rule(isStorableName, "a string that is not empty and contains no NUL");
export const iterable = rule(isIterable, "a Readable or an iterable of chunks or lines");
export const stage = oneOf(["activate", "retire"]);
export const policy = oneOf([...policies, "default"]);

const count = rule((value) => Number.isSafeInteger(value) && Number(value) >= 0, "an integer of 0 or more");
const flag = rule((value) => typeof value === "boolean", "true or false");
const yes = oneOf([true]);
const factorId = rule(
  (value) => (typeof value === "string" && isFactorName(value)) || isCredentialId(value),
  "totp, recovery_code or the id of a passkey",
);

export const optionally =
  (check: Check): Check =>
  (field, value, label) => {
    if (value !== undefined) check(field, value, label);
  };

/** An object with these members alone: a misspelt `password` would create a user without one. */
export const members =
  (checks: Checks): Check =>
  (field, value) => {
    object(field, value);
    requireKnownMembers(field, value as object, Object.keys(checks));
    for (const [member, check] of Object.entries(checks))
      check(member, (value as Readonly<Record<string, unknown>>)[member], `${field}.${member}`);
  };

function requireKnownMembers(argument: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((member) => !known.includes(member));
  if (unknown === undefined) return;
  // A name that no programmer would write can come from a request, so it is not repeated.
  const field = /^\w{1,40}$/.test(unknown) ? unknown : undefined;
  const which = field === undefined ? "an unknown member" : `the unknown member ${field}`;
  const message = `${argument} has ${which}. The members are ${known.join(", ")}.`;
  throw invalidRequest(message, field);
}

/** A user: a string with this meaning, or an object, whose id counts. */
export const user =
  (meaning: "id" | "login"): Check =>
  (field, value) => {
    const member = hasMember(value, "id") ? "id" : "login";
    if (isJsonObject(value)) string(member, value[member], `${field}.${member}`);
    else rule(isString, `a string (the ${meaning}), { id } or { login }`)(field, value);
  };

export const newUser = members({
  login: string,
  password: optionally(string),
  roles: optionally(stringArray),
  email: optionally(string),
});
export const newInvitation = members({ email: string, roles: optionally(stringArray), invitedBy: optionally(name) });
export const recoveryOptions = members({
  reason: string,
  print: optionally(flag),
  withoutFactors: optionally(flag),
  email: optionally(string),
});
export const vouchedLevel = members({
  amr: optionally(stringArray),
  acr: optionally(oneOf(acrs)),
  authTime: optionally(count),
  way: optionally(name),
  request: optionally(object),
  once: optionally(name),
});
export const importOptions = optionally(
  members({ dryRun: optionally(flag), onWrongLine: optionally(callback), onProgress: optionally(callback) }),
);
export const reasonOptions = optionally(members({ reason: optionally(string) }));
export const expiryOptions = members({ reason: optionally(string), after: optionally(string) });
export const housekeepingOptions = optionally(members({ onWait: optionally(callback) }));
export const limited = { options: optionally(members({ limit: optionally(count) })) };
const auditMembers = { login: optionally(string), since: optionally(count), limit: optionally(count) };
export const auditFilter = optionally((field, value) => {
  const { login: _, ...others } = auditMembers;
  members(hasMember(value, "id") ? { id: string, ...others } : auditMembers)(field, value);
});
export const newKey = members({ name: string, scopes: stringArray, expires: optionally(count) });
export const newClient = members({ redirects: stringArray, userScopes: stringArray, public: optionally(flag) });
export const newService = members({ name: string, scopes: stringArray, client: optionally(newClient) });
export const newServiceApiKey = optionally(members({ name: optionally(string), expires: optionally(count) }));
export const apiKeyRotation = members({
  id: string,
  overlap: optionally(
    rule(
      (value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= overlapMaxSeconds,
      `whole seconds from 0 to ${overlapMaxSeconds}`,
    ),
  ),
});
export const endOptions = optionally(members({ apiKeys: optionally(flag) }));
export const identityTarget = members({ id: string, reason: optionally(string) });

/** The target must be explicit: an `all` that is false, or a login that is undefined, does not clear everything. */
export const clearTarget: Check = (field, value) => {
  object(field, value);
  requireKnownMembers(field, value as object, ["login", "id", "address", "all"]);
  const kind = ["login", "id", "address"].find((member) => hasMember(value, member)) ?? "all";
  members({ [kind]: kind === "all" ? yes : string })(field, value);
};

export const factorTarget: Check = (field, value) => {
  const what: Checks = hasMember(value, "id") ? { id: factorId } : { all: yes };
  members({ ...what, reason: optionally(string) })(field, value);
};

export const roleChange: Check = (field, value) => {
  rule(
    (each) => isJsonObject(each) || isTexts(each),
    "an array of strings, or an object with set, or with add and remove",
  )(field, value);
  if (!isJsonObject(value)) return;
  members(
    hasMember(value, "set") ? { set: stringArray } : { add: optionally(stringArray), remove: optionally(stringArray) },
  )(field, value);
  const { add = [], remove = [] } = value as Extract<RoleChange, { readonly add?: unknown }>;
  if (add.some((role) => remove.includes(role)))
    throw invalidRequest("The same role must not be in both add and remove.", "remove");
};

/** A function that checks its arguments before it runs. The names of `checks` are those of the arguments, in order. */
export function checked<A extends readonly unknown[], R>(
  checks: Checks,
  run: (...given: A) => R | Promise<R>,
  first: () => void = () => undefined,
): (...given: A) => Promise<R> {
  return async (...given) => {
    first();
    Object.entries(checks).forEach(([field, check], at) => void check(field, given[at]));
    return run(...given);
  };
}

/** Returns each role once, in the given order. */
export function requireRoles(roles: readonly string[]): readonly string[] {
  const reason = findRoleProblem(roles);
  if (reason !== undefined) throw invalidRequest(reason, "roles");
  return [...new Set(roles)];
}
