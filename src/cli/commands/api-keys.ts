// The commands `api-key-…`: API keys of users.
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failures.js";
import { exactlyOne } from "../input.js";
import { countOf, formatTime, quoted } from "../terminal/table.js";
import { listing, withManagement } from "../with-management.js";
import { userIdOf } from "./factors.js";

export const listApiKeys = listing(
  async (management, input) => management.apiKeys.list(await userIdOf(input, management)),
  ["ID", "START", "NAME", "SCOPES", "EXPIRES (UTC)", "USED"],
  ({ id, start, name, scopes, expires, last_used: used }) => {
    return [id, `${start}…`, name, scopes.join(" "), formatTime(expires), used ?? ""];
  },
  [0],
);

export async function revokeApiKeys(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const id = input.optionalArgument();
  const login = input.text("--login");
  exactlyOne({ ID: id !== undefined, "--login": login !== undefined, "--all": input.has("--all") });
  await withManagement(context, async ({ apiKeys, factors }) => {
    if (id !== undefined) {
      if (!(await apiKeys.revoke(id))) throw new CommandFailure("There is no API key with this ID.");
      terminal.note("API key ended.");
    } else if (login !== undefined) {
      const ended = await apiKeys.revokeForUser(await factors.findUserId(login));
      terminal.note(`${countOf(ended, "API key")} of user ${quoted(login)} ended.`);
    } else {
      await apiKeys.revokeForEveryone();
      terminal.note("Every API key has ended.");
    }
  });
}

/** Longer than every key. */
const inputBytesMax = 1024;

export async function inspectApiKey(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  if (terminal.interactive) terminal.note("Paste the key, then press Enter and Ctrl+D.");
  const text = (await terminal.readInput(inputBytesMax)).trim();
  const {
    form,
    api_key: key,
    user,
    login,
    good,
  } = await withManagement(context, ({ apiKeys }) => apiKeys.inspect(text));
  if (input.has("--json")) terminal.printJson({ form, api_key: key, user, login, good });
  else if (key !== null) {
    terminal.print(`API key ${key.id}, ${quoted(key.name)}`);
    terminal.print(`owner ${quoted(login ?? "")}, ${user}`);
    terminal.print(`scopes ${key.scopes.join(" ")}`);
    terminal.print(`expires ${formatTime(key.expires)} UTC, last used ${key.last_used ?? "never"}`);
  }
  if (!form) throw new CommandFailure("The text is no API key: its beginning, its length or its checksum is wrong.");
  if (key === null) throw new CommandFailure("No API key in the database has this text.");
  if (!good) throw new CommandFailure("The API key would be rejected: it has expired, or its owner cannot sign in.");
  if (!input.has("--json")) terminal.print("The API key would be accepted now.", "green");
}
