// The commands `connection-…`: applications that users have connected.
import type { ConnectionView } from "../../wire/connect.js";
import type { CommandContext, CommandInput } from "../command.js";
import { CommandFailure } from "../failures.js";
import { exactlyOne, inPages, printList, printPages } from "../input.js";
import { countOf, formatTime, quoted } from "../terminal/table.js";
import { withManagement } from "../with-management.js";

const cellsOf = ({ id, name, client, scopes, renewed, address }: ConnectionView, login: string) => {
  const application = name ?? client;
  return [id, application, login, scopes.join(" "), formatTime(renewed).slice(0, 16), address ?? ""];
};

const header = ["ID", "APPLICATION", "LOGIN", "SCOPES", "RENEWED (UTC)", "FROM"];

export async function listConnections(input: CommandInput, context: CommandContext): Promise<void> {
  const login = input.text("--login");
  const client = input.text("--client");
  exactlyOne({ "--login": login !== undefined, "--client": client !== undefined });
  await withManagement(context, async ({ connections, factors }) => {
    if (client !== undefined)
      return printPages(
        input,
        context,
        inPages(connections.listForClient(client)),
        header,
        (one) => cellsOf(one, one.login),
        [0],
      );
    const all = await connections.list(await factors.findUserId(login ?? ""));
    return printList(input, context, all, header, (one) => cellsOf(one, login ?? ""), [0]);
  });
}

export async function endConnections(input: CommandInput, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const id = input.optionalArgument();
  const login = input.text("--login");
  const client = input.text("--client");
  exactlyOne({ ID: id !== undefined, "--login": login !== undefined, "--client": client !== undefined });
  await withManagement(context, async ({ connections, factors }) => {
    if (id !== undefined) {
      if (!(await connections.end(id))) throw new CommandFailure("There is no live connection with this ID.");
      terminal.note("Connection ended.");
    } else if (login !== undefined) {
      const ended = await connections.endForUser(await factors.findUserId(login));
      terminal.note(`${countOf(ended, "connection")} of user ${quoted(login)} ended.`);
    } else {
      await connections.endForClient(client ?? "");
      terminal.note(`Every connection to ${quoted(client ?? "")} has ended.`);
    }
  });
}
