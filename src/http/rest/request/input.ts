// Checks the fields of a body or a query against a row's schema. A message names the field and the rule, never the value.
import { z } from "zod";
import { AmphoError } from "../../../errors.js";
import type { Members } from "./body.js";

export interface Input<I> {
  readonly schema: z.ZodObject | undefined;
  /** True if the route also accepts a request without a body. */
  readonly isOptional: boolean;
  readonly read: (members: Members | undefined) => I;
}

export const noInput: Input<undefined> = { schema: undefined, isOptional: true, read: () => undefined };

/** Requires the schema's fields. Unknown members are ignored. */
export function fields<S extends z.ZodObject>(schema: S): Input<z.output<S>> {
  return { schema, isOptional: false, read: (members) => check(schema, members ?? {}) };
}

/** Does the same, but returns undefined when there is no body. */
export function optionalFields<S extends z.ZodObject>(schema: S): Input<z.output<S> | undefined> {
  return { schema, isOptional: true, read: (members) => (members === undefined ? undefined : check(schema, members)) };
}

/** Throws `invalid_request`, with `field` where exactly one field is wrong. */
function check<S extends z.ZodObject>(schema: S, members: Members): z.output<S> {
  const result = schema.safeParse(members);
  if (result.success) return result.data;
  const wrong = [...new Set(result.error.issues.map((issue) => String(issue.path[0])))];
  const sentences = wrong.map((name) => `"${name}" must be ${ruleOf(schema, name)}.`);
  const [field] = wrong;
  throw new AmphoError(
    "invalid_request",
    sentences.join(" "),
    wrong.length === 1 && field !== undefined ? { field } : {},
  );
}

/** A description that was given before `optional()` is on the inner schema. */
function ruleOf(schema: z.ZodObject, name: string): string {
  const field: unknown = schema.shape[name];
  const inner: unknown = field instanceof z.ZodOptional ? field.unwrap() : undefined;
  return descriptionOf(field) ?? descriptionOf(inner) ?? "of the documented form";
}

function descriptionOf(schema: unknown): string | undefined {
  return schema instanceof z.ZodType ? schema.description : undefined;
}
