import type { CommandContext, CommandInput } from "../command.js";
import { table } from "../table.js";
import { withManagement } from "../with-management.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  await withManagement(context, async ({ users }) => {
    const all = [];
    for await (const { id, login, roles, disabled } of users.list()) all.push({ id, login, roles, disabled });
    if (input.has("--json")) terminal.printJson(all);
    else {
      const rows = all.map(({ login, roles, disabled }) => [login, disabled ? "disabled" : "", roles.join(" ")]);
      terminal.printTable(table(["LOGIN", "STATE", "ROLES"], rows));
    }
  });
}
