// The parts of an instance end when it closes, when its start fails, and once.
import { expect, it } from "vitest";
import { living } from "../../src/compose/lifetime.js";

function parts() {
  const ended: string[] = [];
  const end = (name: string) => async () => void ended.push(name);
  return { ended, end };
}

it("a close ends each part, then what they stand on, and each once", async () => {
  const { ended, end } = parts();
  const lifetime = await living(end("base"), async (opened) => {
    opened.onClose(end("first"));
    opened.onClose(end("second"));
    return opened;
  });
  expect(ended).toEqual([]);
  await Promise.all([lifetime.close(), lifetime.close()]);
  expect(ended).toEqual(["first", "second", "base"]);
});

it("a start that fails ends what it has opened, and rejects with its own error", async () => {
  const { ended, end } = parts();
  const start = living(end("base"), async ({ onClose }) => {
    onClose(end("first"));
    onClose(() => {
      throw new Error("This part cannot end.");
    });
    onClose(end("third"));
    throw new Error("This start fails.");
  });
  await expect(start).rejects.toThrow("This start fails.");
  expect(ended).toEqual(["first", "third", "base"]);
});
