// The protected resource that a client names (RFC 8707).
import { AmphoError } from "../../errors.js";
import type { Deps } from "../deps.js";

const problem = "The resource must be one of this server, and be named where there are several.";

/** The audience of sessions, where no resource is configured. */
export const ofSessions = Symbol("the audience of sessions");

/**
 * The configured resource that a client names. Clients write it with a final slash, or its host in capitals. Undefined:
 * there is none such.
 */
export function chooseResource(
  { resources }: Pick<Deps["settings"], "resources">,
  named: string | undefined,
): string | typeof ofSessions | undefined {
  if (named === undefined) return resources.length > 1 ? undefined : (resources[0]?.resource ?? ofSessions);
  if (!/^[!-~]{1,1024}$/.test(named) || !URL.canParse(named)) return undefined;
  const { origin, pathname, search, hash, username, password } = new URL(named);
  if (`${search}${hash}${username}${password}` !== "") return undefined;
  const text = origin + pathname.replace(/\/$/, "");
  return resources.find(({ resource }) => resource === text)?.resource;
}

export const wrongResource = () => new AmphoError("invalid_target", problem);

/** Undefined: the client has named none. Throws `invalid_target`. */
export function readResource({ settings }: Pick<Deps, "settings">, named: string | undefined): string | undefined {
  if (named === undefined) return undefined;
  const chosen = chooseResource(settings, named);
  if (chosen === undefined || chosen === ofSessions) throw wrongResource();
  return chosen;
}
