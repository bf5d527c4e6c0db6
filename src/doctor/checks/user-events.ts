// Changes of users that wait for a hook of the application.
import type { Store } from "../../store/store.js";
import { type Finding, warning } from "../finding.js";

const oldSeconds = 300;

export async function checkUserEvents(store: Pick<Store, "readUserEvents">, now: number): Promise<readonly Finding[]> {
  const { waiting, tried, oldestAt = now } = await store.readUserEvents();
  if (now - oldestAt < oldSeconds) return [];
  const count = waiting === 1 ? "A change of a user waits" : `${waiting} changes of users wait`;
  const message = `${count} for a hook, the oldest for ${Math.floor((now - oldestAt) / 60)} minutes.`;
  const fix =
    tried > 0
      ? "The hook fails. Look for `The hook` in the log of the application (docs/guides/user-hooks.md)."
      : "Start the application that has the hooks. Without one, the changes are deleted after 30 days.";
  return [warning("hooks", message, fix)];
}
