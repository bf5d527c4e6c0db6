import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failure.js";
import { withManagement } from "../with-management.js";

export async function run(input: CommandInput, context: CommandContext): Promise<void> {
  const { argument: login = "" } = input;
  const { terminal } = context;
  const change = { add: input.texts("--add"), remove: input.texts("--remove") };
  const changes = change.add.length + change.remove.length > 0;
  const user = await withManagement(context, ({ users }) =>
    changes ? users.setRoles(login, change) : users.find(login),
  );
  if (user === undefined) throw new CommandFailure("there is no user with this login");
  const { roles } = user;
  if (input.has("--json")) terminal.printJson(roles);
  else for (const role of roles) terminal.print(role);
}
