// The package that users install. The same source gives the same bytes, the install runs no script, and an SBOM lists every package
// that is installed with it.
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");

function readJson<T>(...parts: string[]): T {
  return JSON.parse(readFileSync(path.join(root, ...parts), "utf8")) as T;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

interface LockEntry {
  readonly version: string;
  readonly license?: string;
  readonly os?: readonly string[];
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly scope?: string;
}

interface Bom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Packs a copy of the source with other dates, as a release does it, build included. Returns the path of the tarball. */
function packCopy(date: Date, environment: Readonly<Record<string, string>>, umask: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-pack-"));
  folders.push(folder);
  const copy = path.join(folder, "source");
  mkdirSync(copy);
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  for (const name of files.trim().split("\n"))
    if (existsSync(path.join(root, name))) cpSync(path.join(root, name), path.join(copy, name));
  for (const name of readdirSync(copy, { recursive: true, encoding: "utf8" }))
    utimesSync(path.join(copy, name), date, date);
  symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
  execFileSync("chmod", ["-R", umask === "077" ? "go=" : "go=u-w", copy]);
  execFileSync("sh", ["-c", `umask ${umask} && npm run pack -- --pack-destination "$1"`, "sh", folder], {
    cwd: copy,
    env: { ...process.env, ...environment },
    stdio: "ignore",
  });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack created no tarball");
  return path.join(folder, tarball);
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** The packages that Node would load from `node_modules` for these dependencies, from their own manifests. */
function installed(
  dependencies: Readonly<Record<string, string>>,
  found = new Map<string, Manifest>(),
): Map<string, Manifest> {
  for (const name of Object.keys(dependencies)) {
    if (found.has(name) || !existsSync(path.join(root, "node_modules", name))) continue;
    const manifest = readJson<Manifest>("node_modules", name, "package.json");
    found.set(name, manifest);
    installed({ ...manifest.dependencies }, found);
  }
  return found;
}

const manifest = readJson<Manifest>("package.json");
/** Without the packages of this repository. */
const lock = Object.fromEntries(
  Object.entries(
    readJson<{ readonly packages: Readonly<Record<string, LockEntry>> }>("package-lock.json").packages,
  ).filter(([place, { link }]) => link !== true && !place.startsWith("packages/")),
);
const present = installed({ ...manifest.dependencies });
const nameOf = ({ group, name }: Component): string => (group === undefined ? name : `${group}/${name}`);

let tarball = "";
beforeAll(() => {
  tarball = packCopy(new Date("2001-09-09T01:46:40Z"), { TZ: "UTC", LC_ALL: "C" }, "022");
}, 120_000);

describe("the tarball", () => {
  let bom: Bom;
  beforeAll(() => {
    const text = execFileSync("tar", ["-xzOf", tarball, "package/sbom.cdx.json"], { encoding: "utf8" });
    bom = JSON.parse(text) as Bom;
  });

  /** `docs/dependencies.md` and the CHANGELOG state them. */
  it("the package has at most 250 files and 3.7 MB", () => {
    const sizes = execFileSync("tar", ["-tvzf", tarball], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map((line) => Number(line.split(/\s+/)[2]));
    expect(sizes.length).toBeLessThanOrEqual(250);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(3_700_000);
  });

  it("a build at another time, by another user, gives the same bytes", { timeout: 120_000 }, () => {
    const again = packCopy(new Date("2031-01-01T12:00:00Z"), { TZ: "Asia/Tokyo", LC_ALL: "C.UTF-8" }, "077");
    expect(sha256(again)).toBe(sha256(tarball));
  });

  it("the files import nothing but Node, the dependencies and the optional peers", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "ampho-files-"));
    folders.push(folder);
    execFileSync("tar", ["-xzf", tarball, "-C", folder]);
    const { dependencies, peerDependencies } = JSON.parse(
      readFileSync(path.join(folder, "package/package.json"), "utf8"),
    ) as { readonly dependencies: object; readonly peerDependencies: object };
    const known = Object.keys({ ...dependencies, ...peerDependencies });
    const imported = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => /\/(?:dist|cjs)\/.*\.js$/.test(name))
      .flatMap((name) => [
        ...readFileSync(path.join(folder, name), "utf8").matchAll(
          /(?:from|\brequire\(|\bimport\() ?["'`]([@a-z][^"'`$]*)["'`]/g,
        ),
      ])
      .map(([, from = ""]) => from)
      .filter((from) => !from.startsWith("node:"));
    expect(imported.length).toBeGreaterThan(10);
    expect(imported.filter((from) => !known.some((name) => from === name || from.startsWith(`${name}/`)))).toEqual([]);
  });

  it("the SBOM is valid CycloneDX 1.6", () => {
    const schemas = "node_modules/@cyclonedx/cyclonedx-library/res/schema";
    const ajv = new Ajv({ strict: false, allErrors: true });
    formats.default(ajv);
    for (const name of ["iri-reference", "idn-email"]) ajv.addFormat(name, true);
    for (const name of ["spdx", "jsf-0.82"]) {
      const file = `${name}.SNAPSHOT.schema.json`;
      ajv.addSchema({ ...readJson<object>(schemas, file), $id: `http://cyclonedx.org/schema/${file}` });
    }
    const validate = ajv.compile(readJson<object>(schemas, "bom-1.6.SNAPSHOT.schema.json"));
    validate(bom);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...bom, bomFormat: "other" })).toBe(false);
  });

  it("the SBOM lists every installed package with its version, and otherwise only binaries for other platforms", () => {
    const { component } = bom.metadata;
    expect([nameOf(component), component.version]).toEqual([manifest.name, manifest.version]);
    const listed = new Map(bom.components.map((component) => [nameOf(component), component]));
    expect(listed.size).toBe(bom.components.length);
    for (const [name, { version }] of present) expect(listed.get(name)?.version, name).toBe(version);
    for (const [name, { scope, version }] of listed) {
      if (present.has(name)) continue;
      expect(scope, name).toBe("optional");
      expect(lock[`node_modules/${name}`], name).toMatchObject({ version, os: expect.any(Array) });
    }
  });

  it("the dependencies in the SBOM name only listed packages", () => {
    const refs = bom.dependencies.map(({ ref }) => ref);
    expect(new Set(refs).size).toBe(bom.components.length + 1);
    for (const { ref, dependsOn } of bom.dependencies) for (const end of dependsOn) expect(refs, ref).toContain(end);
    const needed = bom.dependencies.find(
      ({ ref }) => ref === `pkg:npm/${manifest.name}@${manifest.version}`,
    )?.dependsOn;
    expect(needed?.map((ref) => decodeURIComponent(ref.slice("pkg:npm/".length, ref.lastIndexOf("@"))))).toEqual(
      Object.keys(manifest.dependencies ?? {}).sort(),
    );
  });

  it("the install runs no script of the package", () => {
    const packed = JSON.parse(
      execFileSync("tar", ["-xzOf", tarball, "package/package.json"], { encoding: "utf8" }),
    ) as Manifest;
    for (const name of ["preinstall", "install", "postinstall", "prepare"])
      expect(packed.scripts ?? {}, name).not.toHaveProperty(name);
    const files = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" }).trim().split("\n");
    // npm runs node-gyp for a package with one of these files.
    expect(files.filter((name) => name.endsWith(".gyp"))).toEqual([]);
    expect(
      files.every((name) =>
        /^package\/(?:(?:dist|cjs|deploy|examples)\/|[A-Z]+\.md$|package\.json|LICENSE|sbom\.cdx\.json)/.test(name),
      ),
    ).toBe(true);
  });
});

describe("the attacks, which are a package of their own", () => {
  it("the tarball has no attack and no switch for one", () => {
    const tar = (flags: string) => execFileSync("tar", [flags, tarball], { encoding: "utf8", maxBuffer: 2 ** 25 });
    const names = tar("-tzf").trim().split("\n");
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => name.includes("attack"))).toEqual([]);
    const text = tar("-xzOf");
    expect(text.match(/allowAttackTest|ALLOW_ATTACK|attackConsent|Ampho-Doctor/i)).toBeNull();
    const copied = readFileSync(path.join(root, "deploy/Dockerfile"), "utf8").match(/^COPY .*$/gm) ?? [];
    expect(copied.filter((line) => /packages\/attack|COPY (?:--\S+ )?\.( |$)/.test(line))).toEqual([]);
  });

  it("its package has no dependency, and holds its own modules alone", () => {
    const manifest = readJson<Manifest>("packages/attack/package.json");
    expect([manifest.version, manifest.dependencies]).toEqual([readJson<Manifest>("package.json").version, undefined]);
    const sources = readdirSync(path.join(root, "packages/attack/src"), { recursive: true, encoding: "utf8" });
    const imported = sources
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => {
        const text = readFileSync(path.join(root, "packages/attack/src", name), "utf8");
        return [...text.matchAll(/(?:from |import\()"([^"]+)"/g)].map(([, from = ""]) =>
          from.startsWith("node:") ? from : path.join("src", path.dirname(name), from),
        );
      });
    expect(imported.length).toBeGreaterThan(50);
    expect(imported.filter((from) => !/^(?:node:|src\/)/.test(from))).toEqual([]);
  });
});

describe("the packages that are installed with it", () => {
  const runtime = Object.entries(lock).filter(([place, { dev }]) => place !== "" && dev !== true);
  const names = new Set(present.keys());

  it("every installed package has a permissive licence", () => {
    const allowed = new Set(["MIT", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0"]);
    expect(present.size).toBeGreaterThan(5);
    for (const [name, { license }] of present) expect(allowed, `${name}: ${license}`).toContain(license);
    // The lock file also has the licences of binaries for other platforms.
    for (const [place, { license }] of runtime) expect(allowed, `${place}: ${license}`).toContain(license);
  });

  it("no installed package runs a script", () => {
    expect(runtime.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([place]) => place)).toEqual([]);
    for (const name of names) {
      const { scripts = {} } = readJson<Manifest>("node_modules", name, "package.json");
      for (const event of ["preinstall", "install", "postinstall"]) expect(scripts, name).not.toHaveProperty(event);
    }
  });

  it("the lock file has the version and the hash of every package", () => {
    for (const [place, entry] of Object.entries(lock))
      if (place !== "")
        expect(entry, place).toMatchObject({
          version: expect.any(String),
          integrity: expect.stringMatching(/^sha512-/),
        });
  });
});
