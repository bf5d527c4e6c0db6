// The names of roles that an application declares for the compiler.

/**
 * The roles that an application declares for the compiler. Without a declaration any text is a role.
 * @example
 * declare module "ampho" {
 *   interface Register {
 *     role: "admin" | "editor";
 *   }
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications add members.
export interface Register {}

/**
 * The name of a role: one of those that `Register` declares, or any text.
 * @example const editor: Role = "editor";
 */
export type Role = Register extends { readonly role: infer Declared extends string } ? Declared : string;

/** A value for each role. `"*"` stands for every user. */
export type ByRole<T> = { readonly [R in Role | "*"]?: T };
