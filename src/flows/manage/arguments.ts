// What applications give `ampho.users`, `ampho.sessions` and the like: in JavaScript it may be anything.
import { AmphoError } from "../../errors.js";
import { isStorableName } from "../../store/storable-text.js";

/** What a value has to be, and that in words. */
export interface ArgumentRule {
  readonly holds: (value: unknown) => boolean;
  readonly words: string;
}

const isText = (value: unknown): boolean => typeof value === "string";

export const text: ArgumentRule = { holds: isText, words: "a string" };
/** Of a user, where a row is written for it: no token could hold an empty one. */
export const name: ArgumentRule = {
  holds: isStorableName,
  words: "a string that is not empty and holds no NUL",
};
export const texts: ArgumentRule = {
  holds: (value) => Array.isArray(value) && value.every(isText),
  words: "an array of strings",
};
/** Also as a number of rows and as Unix seconds. */
export const count: ArgumentRule = {
  holds: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  words: "an integer of 0 or more",
};
export const callback: ArgumentRule = { holds: (value) => typeof value === "function", words: "a function" };
export const flag: ArgumentRule = { holds: (value) => typeof value === "boolean", words: "true or false" };
export const yes: ArgumentRule = { holds: (value) => value === true, words: "true" };

export function optional({ holds, words }: ArgumentRule): ArgumentRule {
  return { holds: (value) => value === undefined || holds(value), words };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const object: ArgumentRule = { holds: isObject, words: "an object" };

export function hasMember(value: unknown, member: string): boolean {
  return isObject(value) && Object.hasOwn(value, member);
}

/** Throws `invalid_request`, which names the argument and holds nothing of its value. */
export function requireArgument(name: string, value: unknown, { holds, words }: ArgumentRule): void {
  if (!holds(value)) throw new AmphoError("invalid_request", `${name} must be ${words}.`);
}

/**
 * The same for each member of an object. One that is not known is refused too: a misspelt `password` would make an account
 * that has none.
 */
export function requireMembers(name: string, value: unknown, needs: Readonly<Record<string, ArgumentRule>>): void {
  if (!isObject(value)) throw new AmphoError("invalid_request", `${name} must be an object.`);
  const known = Object.keys(needs);
  if (Object.keys(value).some((member) => !known.includes(member)))
    throw new AmphoError("invalid_request", `${name} may have the members ${known.join(", ")}, and has another.`);
  for (const [member, need] of Object.entries(needs)) requireArgument(`${name}.${member}`, value[member], need);
}
