// The commands `service-…`: service accounts.
import { readFileSync } from "node:fs";
import { systemClock } from "../../clock.js";
import type { NewClient } from "../../flows/manage/management.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure, UsageError } from "../failures.js";
import { formatTime, quoted } from "../terminal/table.js";
import type { Terminal } from "../terminal/terminal.js";
import { listing, withManagement } from "../with-management.js";

export async function addService(input: CommandInput, context: CommandContext): Promise<void> {
  const service = { name: input.argument(), scopes: input.texts("--scope"), client: clientOf(input) };
  const { id } = await withManagement(context, ({ services }) => services.add(service));
  context.terminal.print(id);
  const without =
    service.scopes.length === 0 && service.client === undefined
      ? " without a scope. `ampho service-scopes` gives it some"
      : "";
  context.terminal.note(`Service account ${quoted(service.name)} created${without}.`);
}

export const listServices = listing(
  ({ services }) => services.list(),
  ["NAME", "ID", "STATE", "SCOPES"],
  ({ name, id, disabled, scopes }) => [name, id, disabled ? "disabled" : "enabled", scopes.join(" ")],
  [1],
);

export async function showService(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const service = await withManagement(context, ({ services }) => services.find(input.argument()));
  if (service === undefined) throw new CommandFailure("There is no service account with this name or id.");
  if (input.has("--json")) return terminal.printJson(service);
  const { id, name, scopes, disabled, created, kids, api_keys: apiKeys } = service;
  terminal.print(`service ${quoted(name)}, ${id}`);
  terminal.print(`state ${disabled ? "disabled" : "enabled"}, created ${formatTime(created)} UTC`);
  terminal.print(`scopes ${scopes.join(" ") || "none"}`);
  terminal.print(`public keys ${kids.join(" ") || "none"}`);
  for (const redirect of service.redirects) terminal.print(`redirect ${redirect}`);
  if (service.redirects.length > 0)
    terminal.print(`scopes of users ${service.user_scopes.join(" ")}, ${service.public ? "public" : "with a key"}`);
  for (const key of apiKeys)
    terminal.print(
      `key ${key.id}, ${key.start}…, ${quoted(key.name)}, expires ${formatTime(key.expires)} UTC, used ${key.last_used ?? "never"}`,
    );
}

export async function setServiceScopes(input: CommandInput, context: CommandContext): Promise<void> {
  const scopes = input.texts("--scope");
  await withManagement(context, ({ services }) => services.setScopes(input.argument(), scopes));
  context.terminal.note(`Service account ${quoted(input.argument())} has ${scopes.join(" ") || "no scopes"} now.`);
}

/** Undefined: no option of a client was given. */
function clientOf(input: CommandInput): NewClient | undefined {
  const redirects = input.texts("--redirect");
  const userScopes = input.texts("--user-scope");
  const isPublic = input.has("--public");
  if (redirects.length === 0 && userScopes.length === 0 && !isPublic) return undefined;
  if (redirects.length === 0 || userScopes.length === 0)
    throw new UsageError("A client of users needs both --redirect and --user-scope.");
  return { redirects, userScopes, public: isPublic };
}

export async function setServiceClient(input: CommandInput, context: CommandContext): Promise<void> {
  const client = clientOf(input);
  if ((client === undefined) !== input.has("--none"))
    throw new UsageError("Give --redirect and --user-scope, or --none.");
  await withManagement(context, ({ services }) => services.setClient(input.argument(), client));
  const done = client === undefined ? "is no client of users now" : "is a client of users now";
  context.terminal.note(`Service account ${quoted(input.argument())} ${done}.`);
}

const change =
  (name: "disable" | "enable" | "remove", done: string) =>
  async (input: CommandInput, context: CommandContext): Promise<void> => {
    await withManagement(context, ({ services }) => services[name](input.argument()));
    context.terminal.note(`Service account ${quoted(input.argument())} ${done}.`);
  };

export const disableService = change("disable", "disabled");
export const enableService = change("enable", "enabled");
export const deleteService = change("remove", "deleted");

export async function addServiceKey(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const now = systemClock.now();
  const days = input.text("--days");
  if (days !== undefined && !/^[1-9]\d{0,2}$/.test(days))
    throw new UsageError("--days must be a number from 1 to 366.");
  const options = { name: input.text("--name"), expires: days === undefined ? undefined : now + Number(days) * 86_400 };
  const created = await withManagement(context, ({ services }) => services.createApiKey(input.argument(), options));
  terminal.print(created.key);
  terminal.note(`Key ${created.id} is valid until ${formatTime(created.expires)} UTC. It is not shown again.`);
}

const setBytesMax = 1_048_576;

export async function setServiceJwk(input: CommandInput, context: CommandContext): Promise<void> {
  const file = input.secondArgument();
  if ((file === undefined) !== input.has("--none")) throw new UsageError("Give exactly one of FILE and --none.");
  const set = file === undefined ? undefined : await readSet(file, context.terminal);
  const { kids } = await withManagement(context, ({ services }) => services.setPublicKeys(input.argument(), set));
  const name = quoted(input.argument());
  context.terminal.note(`Service account ${name} has these public keys now: ${kids.join(", ") || "none"}.`);
}

async function readSet(file: string, terminal: Terminal): Promise<object> {
  const input = file === "-" ? await terminal.readInput(setBytesMax) : undefined;
  try {
    const value: unknown = JSON.parse(input ?? readFileSync(file, "utf8"));
    if (typeof value === "object" && value !== null) return "keys" in value ? value : { keys: [value] };
  } catch (error) {
    throw new CommandFailure(`${quoted(file)} cannot be read as JSON.`, { cause: error });
  }
  throw new CommandFailure(`${quoted(file)} is no JWK and no JWK Set.`);
}
