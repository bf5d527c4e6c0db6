// Checks of the arguments of `ampho.users`, `ampho.sessions` and the like. JavaScript callers can pass any value. The
// error `invalid_request` names the argument or member, also as `details.field`. It never contains the value.

import { AmphoError } from "../../errors.js";
import { isCredentialId } from "../../factors/passkey/webauthn-response.js";
import { acrs } from "../../levels/acr.js";
import { policies } from "../../levels/policy.js";
import { isStorableName, isStorableText } from "../../store/storable-text.js";
import { overlapMaxSeconds } from "../keys/key.js";
import type { RoleChange } from "./users.js";

interface Rule {
  readonly accepts: (value: unknown) => boolean;
  /** For the message: "must be …". */
  readonly expected: string;
}

type Rules = Readonly<Record<string, Rule>>;

const isString = (value: unknown): boolean => typeof value === "string";

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isIterable = (value: unknown): boolean =>
  typeof value === "object" && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);

export const textRule: Rule = { accepts: isString, expected: "a string" };
export const objectRule: Rule = { accepts: isObject, expected: "an object" };
/** Revocations are written under this name, and no token can contain an empty one. */
export const nameRule: Rule = { accepts: isStorableName, expected: "a string that is not empty and contains no NUL" };
export const iterableRule: Rule = { accepts: isIterable, expected: "a Readable or an iterable of chunks or lines" };
/** Also a number of rows, or Unix seconds. */
const countRule: Rule = {
  accepts: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  expected: "an integer of 0 or more",
};
export const textsRule: Rule = {
  accepts: (value) => Array.isArray(value) && value.every(isString),
  expected: "an array of strings",
};
const roleChangeRule: Rule = {
  accepts: (value) => isObject(value) || textsRule.accepts(value),
  expected: "an array of strings, or an object with set, or with add and remove",
};
export const callbackRule: Rule = { accepts: (value) => typeof value === "function", expected: "a function" };
const flagRule: Rule = { accepts: (value) => typeof value === "boolean", expected: "true or false" };
const yesRule: Rule = { accepts: (value) => value === true, expected: "true" };

export const stageRule: Rule = {
  accepts: (value) => value === "activate" || value === "retire",
  expected: "activate or retire",
};

const acrNames: readonly unknown[] = acrs;
const policyNames: readonly unknown[] = [...policies, "default"];
export const policyRule: Rule = {
  accepts: (value) => policyNames.includes(value),
  expected: policyNames.join(" or "),
};

const factorIdRule: Rule = {
  accepts: (value) => value === "totp" || value === "recovery_code" || isCredentialId(value),
  expected: "totp, recovery_code or the id of a passkey",
};

export function optionalRule({ accepts, expected }: Rule): Rule {
  return { accepts: (value) => value === undefined || accepts(value), expected };
}

export const newUser: Rules = {
  login: textRule,
  password: optionalRule(textRule),
  roles: optionalRule(textsRule),
  email: optionalRule(textRule),
};
export const newInvitation: Rules = {
  email: textRule,
  roles: optionalRule(textsRule),
  invitedBy: optionalRule(nameRule),
};
export const recoveryOptions: Rules = {
  reason: textRule,
  print: optionalRule(flagRule),
  withoutFactors: optionalRule(flagRule),
};
export const vouchedLevel: Rules = {
  amr: optionalRule(textsRule),
  acr: optionalRule({ accepts: (value) => acrNames.includes(value), expected: acrNames.join(" or ") }),
};
export const newKey: Rules = { name: textRule, scopes: textsRule, expires: optionalRule(countRule) };
export const keyRotation: Rules = {
  id: textRule,
  overlap: optionalRule({
    accepts: (value) => Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= overlapMaxSeconds,
    expected: `whole seconds from 0 to ${overlapMaxSeconds}`,
  }),
};
export const endOptions: Rules = { keys: optionalRule(flagRule) };
export const importOptions: Rules = {
  dryRun: optionalRule(flagRule),
  onWrongLine: optionalRule(callbackRule),
  onProgress: optionalRule(callbackRule),
};
export const housekeepingOptions: Rules = { onWait: optionalRule(callbackRule) };
export const auditFilter: Rules = {
  login: optionalRule(textRule),
  since: optionalRule(countRule),
  limit: optionalRule(countRule),
};
export const listOptions: Rules = { limit: optionalRule(countRule) };

/** `label`: the name in the message, such as `user.login`. */
export function requireArgument(field: string, value: unknown, { accepts, expected }: Rule, label = field): void {
  if (!accepts(value)) throw new AmphoError("invalid_request", `${label} must be ${expected}.`, { field });
}

/**
 * Requires an object with the members of `rules`. An unknown member is an error too: a misspelt `password` would create
 * a user without a password.
 */
export function requireMembers(argument: string, value: unknown, rules: Rules): void {
  requireArgument(argument, value, objectRule);
  requireKnownMembers(argument, value as object, Object.keys(rules));
  for (const [member, rule] of Object.entries(rules))
    requireArgument(member, (value as Readonly<Record<string, unknown>>)[member], rule, `${argument}.${member}`);
}

function requireKnownMembers(argument: string, value: object, members: readonly string[]): void {
  const unknown = Object.keys(value).find((member) => !members.includes(member));
  if (unknown !== undefined) throw unknownMember(argument, unknown, members);
}

/** A name that no programmer would write can come from a request, so it is not repeated. */
function unknownMember(argument: string, member: string, members: readonly string[]): AmphoError {
  const field = /^\w{1,40}$/.test(member) ? member : undefined;
  const which = field === undefined ? "an unknown member" : `the unknown member ${field}`;
  const message = `${argument} has ${which}. The members are ${members.join(", ")}.`;
  return new AmphoError("invalid_request", message, field === undefined ? {} : { field });
}

/** Requires a string. Returns false if no row can have this name. */
export function isStorableArgument(field: string, value: string): boolean {
  requireArgument(field, value, textRule);
  return isStorableText(value);
}

export function toRoleChange(roles: readonly string[] | RoleChange): RoleChange {
  requireArgument("roles", roles, roleChangeRule);
  const change: RoleChange = isList(roles) ? { set: roles } : roles;
  const rules: Rules = hasMember(change, "set")
    ? { set: textsRule }
    : { add: optionalRule(textsRule), remove: optionalRule(textsRule) };
  requireMembers("roles", change, rules);
  if (!("set" in change) && change.add?.some((role) => change.remove?.includes(role)))
    throw new AmphoError("invalid_request", "The same role must not be in both add and remove.", { field: "remove" });
  return change;
}

const isList = (value: readonly string[] | RoleChange): value is readonly string[] => Array.isArray(value);

/** The target must be explicit: an `all` that is false, or a login that is undefined, does not clear everything. */
export function requireTarget(target: unknown): void {
  requireArgument("target", target, objectRule);
  requireKnownMembers("target", target as object, ["login", "address", "all"]);
  const kind = ["login", "address"].find((member) => hasMember(target, member)) ?? "all";
  requireMembers("target", target, { [kind]: kind === "all" ? yesRule : textRule });
}

/** The target must be explicit, as for `requireTarget`. */
export function requireFactorTarget(target: unknown): void {
  const what: Rules = hasMember(target, "id") ? { id: factorIdRule } : { all: yesRule };
  requireMembers("target", target, { ...what, reason: optionalRule(textRule) });
}

export function requireIdentityTarget(target: unknown): void {
  requireMembers("target", target, { id: textRule, reason: optionalRule(textRule) });
}

function hasMember(value: unknown, member: string): boolean {
  return isObject(value) && Object.hasOwn(value, member);
}
