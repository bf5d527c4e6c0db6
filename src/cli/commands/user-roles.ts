import type { CommandContext, CommandInput } from "../command.js";
import { requireUser } from "../require-user.js";
import { withManagement } from "../with-ampho.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: login = "" } = input;
  const { terminal } = context;
  const change = { add: input.texts("--add"), remove: input.texts("--remove") };
  const changes = change.add.length + change.remove.length > 0;
  const { roles } = await withManagement(context, ({ users }) =>
    changes ? users.setRoles(login, change) : requireUser(users, login),
  );
  if (input.has("--json")) terminal.printJson(roles);
  else for (const role of roles) terminal.print(role);
}
