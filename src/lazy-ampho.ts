// An instance that opens at its first use, for hosts whose build loads the modules of the application.
import type { Authorize } from "./adapters/authorize-types.js";
import { createFetchAuthorize } from "./adapters/fetch-authorize.js";
import { respondWithPage } from "./adapters/fetch-pages.js";
import { createAmpho } from "./ampho.js";
import type { Ampho } from "./instance.js";
import type { AmphoOptions } from "./options.js";
import type { ApplicationUser } from "./users/application-users.js";

/**
 * The members of an instance that pages and routes use. `S` are its scopes. `open` resolves to the whole instance.
 * @example
 * export const ampho: LazyAmpho = lazyAmpho();
 * export const GET = ampho.authorize((request, auth) => Response.json({ login: auth.login }));
 */
export interface LazyAmpho<S extends string = string>
  extends Pick<Ampho<S>, "authenticate" | "renew" | "verify" | "fetch" | "health"> {
  /**
   * Guards Fetch handlers: a wrapper and a decorator, with requirements or without.
   * @example
   * export const GET = ampho.authorize({ roles: ["editor"] }, (request, { login }) => Response.json({ login }));
   */
  readonly authorize: Authorize<unknown, S>;
  /**
   * Opens the instance, or resolves to the open one. Rejects as `createAmpho` does, and the next call tries again.
   * @example
   * const lazy = lazyAmpho({ databaseUrl: "sqlite::memory:" });
   * const { users } = await lazy.open();
   */
  open(): Promise<Ampho<S>>;
  /**
   * Closes the instance, if it is open. The next use opens it again.
   * @example await ampho.close();
   */
  close(): Promise<void>;
}

/** The open instances whose options are data alone, by their options. */
const shared = new Map<string, Promise<unknown>>();

/**
 * Returns an instance that reads its configuration and opens its database at its first use. A build that only loads the
 * module opens nothing and needs no key. The same options share one instance in a process, however often the host loads
 * the module, unless they hold functions or other objects than plain data.
 * @example
 * // ampho.ts of an application on Next.js, SvelteKit, Astro or React Router
 * export const ampho = lazyAmpho();
 */
export function lazyAmpho<U extends ApplicationUser = ApplicationUser, const S extends string = string>(
  options: AmphoOptions<U, S> = {},
): LazyAmpho<S> {
  // Those of the same options have the same scopes.
  const instances = (isData(options) ? shared : new Map()) as Map<string, Promise<Ampho<S>>>;
  const name = isData(options) ? JSON.stringify(options) : "";

  function open(): Promise<Ampho<S>> {
    const opened = instances.get(name) ?? createAmpho(options);
    instances.set(name, opened);
    opened.catch(() => instances.delete(name));
    return opened;
  }

  return {
    authorize: createFetchAuthorize({ open: async () => (await open()).host }, respondWithPage),
    // One function stands for both overloads.
    authenticate: (async (request, requirements) =>
      (await open()).authenticate(request, requirements)) as Ampho<S>["authenticate"],
    renew: async (request, more) => (await open()).renew(request, more),
    verify: async (...given) => (await open()).verify(...given),
    fetch: async (request, more) => (await open()).fetch(request, more),
    health: async () => (await open()).health(),
    open,
    async close() {
      const opened = instances.get(name);
      instances.delete(name);
      await (await opened)?.close();
    },
  };
}

/** JSON holds the whole value. Two functions with the same text can do different things. */
function isData(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return typeof value !== "function" && typeof value !== "symbol";
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return isPlain && Object.values(value).every(isData);
}
