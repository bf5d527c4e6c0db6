import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CommandFailure } from "../../dist/cli/failures.js";
import { replaceFile } from "../../dist/cli/files/replace-file.js";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ampho-replace-"));
  file = join(folder, "key.json");
  writeFileSync(file, "old", { mode: 0o640 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const text = async () => "new";

describe("replaceFile", () => {
  test("a replaced file keeps its mode and owner, and no other file is left", async () => {
    const owner = process.getuid?.() === 0 ? { uid: 65534, gid: 65533 } : statSync(file);
    chownSync(file, owner.uid, owner.gid);
    await replaceFile(file, text);
    const { mode, uid, gid } = statSync(file);
    expect([readFileSync(file, "utf8"), mode & 0o777, uid, gid]).toEqual(["new", 0o640, owner.uid, owner.gid]);
    expect(readdirSync(folder)).toEqual(["key.json"]);
  });

  test("only the new file gets the owner, also if its name was replaced meanwhile", async () => {
    if (process.getuid?.() === 0) chownSync(file, 65534, 65533);
    const other = join(folder, "other");
    writeFileSync(other, "somebody's", { mode: 0o600 });
    const { uid, gid, mode } = statSync(other);
    await replaceFile(file, async () => {
      rmSync(`${file}.new`);
      symlinkSync(other, `${file}.new`);
      return "new";
    });
    expect(statSync(other)).toMatchObject({ uid, gid, mode });
    expect(readFileSync(other, "utf8")).toBe("somebody's");
  });

  test("only the owner can read the new file while it is being written", async () => {
    await replaceFile(file, async () => {
      expect(statSync(`${file}.new`).mode & 0o777).toBe(0o600);
      return "new";
    });
  });

  test("a link stays a link, and its target is replaced", async () => {
    mkdirSync(join(folder, "elsewhere"));
    writeFileSync(join(folder, "elsewhere", "real.json"), "old", { mode: 0o600 });
    const link = join(folder, "link.json");
    symlinkSync(join("elsewhere", "real.json"), link);
    await replaceFile(link, text);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readlinkSync(link)).toBe(join("elsewhere", "real.json"));
    expect(readFileSync(join(folder, "elsewhere", "real.json"), "utf8")).toBe("new");
  });

  test("a reader gets the whole old content or the whole new one", async () => {
    await replaceFile(file, async () => {
      expect(readFileSync(file, "utf8")).toBe("old");
      return "new";
    });
    expect(readFileSync(file, "utf8")).toBe("new");
  });
});

describe("replaceFile that fails", () => {
  test("a file stays as it is if its new content cannot be produced", async () => {
    await expect(replaceFile(file, () => Promise.reject(new CommandFailure("too early")))).rejects.toThrow("too early");
    expect([readFileSync(file, "utf8"), readdirSync(folder)]).toEqual(["old", ["key.json"]]);
  });

  test("a file stays as it is if another rotation runs or was killed", async () => {
    writeFileSync(`${file}.new`, "somebody's");
    await expect(replaceFile(file, text)).rejects.toThrow(
      /cannot be created \(it already exists\)\. .*delete that file/,
    );
    expect([readFileSync(file, "utf8"), readFileSync(`${file}.new`, "utf8")]).toEqual(["old", "somebody's"]);
  });

  test("only one of two concurrent replacements succeeds", async () => {
    const outcomes = await Promise.allSettled([replaceFile(file, text), replaceFile(file, async () => "other")]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(readFileSync(file, "utf8")).toBe("new");
  });

  test("a folder or a missing file is not replaced", async () => {
    await expect(replaceFile(folder, text)).rejects.toThrow("is not a regular file");
    await expect(replaceFile(join(folder, "none"), text)).rejects.toThrow(/cannot be replaced \(there is no such file/);
    expect(existsSync(join(folder, "none"))).toBe(false);
  });
});
