// How long a signing key is needed. The parameters that are lifetimes of signed tokens are marked in their rows.
import { rolloutSeconds } from "../signing-keys/states.js";
import { type OptionName, optionName, type ParameterName, parameters } from "./parameters.js";

type LifetimeName = Extract<ParameterName, `${string}_TTL`>;

/** A lifetime without the mark does not compile: a key would be retired while tokens that it has signed live. */
const lifetimes: Readonly<{ [N in LifetimeName]: { readonly signs: string } }> = parameters;

type Settings = Readonly<Record<OptionName<LifetimeName> | "tokenLeeway", number>>;

const isLifetime = (name: string): name is LifetimeName => name in lifetimes && name.endsWith("_TTL");
const lifetimeNames = Object.keys(lifetimes).filter(isLifetime);

/**
 * The wait until all that a key signed has expired, except `device` proofs, which a login then ignores.
 * `mailedLinkTtl`: the longest lifetime of a link in a mail.
 */
export function retireWaitSeconds(settings: Settings & { readonly mailedLinkTtl: number }): number {
  const seconds = new Map<string, number>();
  for (const name of lifetimeNames) {
    const { signs } = lifetimes[name];
    seconds.set(signs, Math.min(seconds.get(signs) ?? Infinity, settings[optionName(name)]));
  }
  return rolloutSeconds + Math.max(...seconds.values(), settings.mailedLinkTtl) + settings.tokenLeeway;
}
