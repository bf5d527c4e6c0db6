// The files of deploy/ that no program on this machine runs: they must agree with each other and with the program.
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { commands } from "../../dist/cli/commands.js";
import { environmentOnly, fileNameOf, parameterNames, secretNames } from "../../dist/config/parameters.js";
import { execFileSync, spawnSync } from "../../scripts/child-process.mjs";
import { installMs } from "../world/debian.js";
import { requireProgram } from "./programs.js";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(path.join(root, "deploy", file), "utf8");
const files = readdirSync(path.join(root, "deploy"), { recursive: true, encoding: "utf8" }).filter((name) =>
  /\.(?:ya?ml|service|conf|sql)$|file$/i.test(name),
);

/** The value at a path of names and numbers in a document. */
function at(value: unknown, ...names: readonly (string | number)[]): unknown {
  return names.reduce<unknown>((held, name) => {
    if (typeof held !== "object" || held === null) return undefined;
    return Object.entries(held).find(([each]) => each === String(name))?.[1];
  }, value);
}

describe("every file of deploy/", () => {
  it.each(files)("%s names existing parameters only, and contains no secret", (file) => {
    const text = read(file);
    const known = [
      ...parameterNames,
      ...secretNames.map(fileNameOf),
      ...Object.keys(environmentOnly),
      "AMPHO_SITE",
      "AMPHO_UPSTREAMS",
    ];
    for (const [name] of text.matchAll(/AMPHO_[A-Z_]+/g)) expect(known, file).toContain(name);
    expect(text).not.toMatch(/"k" ?: ?"|BEGIN [A-Z ]*PRIVATE KEY|password '[^…]/);
  });
});

describe("the manifests", () => {
  const documents = (file: string) =>
    parseAllDocuments(read(`kubernetes/${file}`)).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as unknown;
    });
  const [deployment, service, budget] = documents("ampho.yaml");
  const [job] = documents("db-up.yaml");
  const secrets = documents("secrets.example.yaml");
  const pod = at(deployment, "spec", "template", "spec");
  const container = at(pod, "containers", 0);
  const migrating = at(job, "spec", "template", "spec");

  it("the manifests are of kinds and versions that Kubernetes has", () => {
    const kinds = [deployment, service, budget, job, ...secrets].map((each) => [
      at(each, "apiVersion"),
      at(each, "kind"),
    ]);
    expect(kinds).toEqual([
      ["apps/v1", "Deployment"],
      ["v1", "Service"],
      ["policy/v1", "PodDisruptionBudget"],
      ["batch/v1", "Job"],
      ...secrets.map(() => ["v1", "Secret"]),
    ]);
  });

  it("the manifests select the same pods", () => {
    const labels = at(deployment, "spec", "template", "metadata", "labels");
    expect(labels).toBeTypeOf("object");
    expect(at(deployment, "spec", "selector", "matchLabels")).toEqual(labels);
    expect(at(service, "spec", "selector")).toEqual(labels);
    expect(at(budget, "spec", "selector", "matchLabels")).toEqual(labels);
    expect(at(pod, "topologySpreadConstraints", 0, "labelSelector", "matchLabels")).toEqual(labels);
    expect(at(job, "spec", "template", "metadata", "labels")).not.toEqual(labels);
  });

  it("the manifests name the probes that the server has, at its port", () => {
    expect(at(container, "readinessProbe", "httpGet", "path")).toBe("/readyz");
    for (const probe of ["livenessProbe", "startupProbe"])
      expect(at(container, probe, "httpGet", "path")).toBe("/healthz");
    for (const probe of ["readinessProbe", "livenessProbe", "startupProbe"])
      expect(at(container, probe, "httpGet", "port")).toBe(at(container, "ports", 0, "name"));
    expect(at(container, "ports", 0, "containerPort")).toBe(3000);
    expect(at(service, "spec", "ports", 0, "targetPort")).toBe(at(container, "ports", 0, "name"));
  });

  it("a rolling update loses no request: the lead is longer than readiness takes to fail, and the grace period covers it", () => {
    const readiness = at(container, "readinessProbe");
    const number = (name: string) => Number(at(readiness, name));
    const env = at(container, "env");
    const lead = Array.isArray(env)
      ? Number(
          at(
            env.find((each) => at(each, "name") === "AMPHO_SHUTDOWN_DELAY"),
            "value",
          ),
        )
      : 0;
    expect(lead).toBeGreaterThan(number("periodSeconds") * number("failureThreshold") + number("timeoutSeconds"));
    expect(at(pod, "terminationGracePeriodSeconds")).toBeGreaterThan(lead + 5);
    expect(at(deployment, "spec", "strategy", "rollingUpdate")).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(at(budget, "spec", "maxUnavailable")).toBe(1);
  });

  it("the manifests give no pod more rights than it needs", () => {
    for (const each of [pod, migrating]) {
      expect(at(each, "automountServiceAccountToken")).toBe(false);
      expect(at(each, "securityContext")).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      expect(at(each, "containers", 0, "securityContext")).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(at(each, "containers", 0, "image")).toMatch(/:\d+\.\d+\.\d+$/);
    }
  });

  it("the manifests name secrets that exist, and keep the owner's from the server", () => {
    const names = new Set(secrets.map((each) => at(each, "metadata", "name")));
    const used = (value: unknown) =>
      [...JSON.stringify(value).matchAll(/"(?:secretKeyRef":\{"name|secretName)":"([^"]+)"/g)].map(([, name]) => name);
    expect(new Set([...used(pod), ...used(migrating)])).toEqual(names);
    expect(used(pod)).not.toContain("ampho-database-owner");
    expect(used(migrating)).toEqual(["ampho-database-owner"]);
    expect(at(migrating, "containers", 0, "args")).toEqual(["db-up"]);
  });
});

describe("the compose file", () => {
  const file: unknown = parse(read("compose.yaml"), { merge: true });
  const services = at(file, "services");
  const fleet = ["ampho-1", "ampho-2", "ampho-3", "ampho-4"];

  it("the compose file has four processes behind the proxy, and only the proxy is reachable", () => {
    const upstreams = at(services, "proxy", "environment", "AMPHO_UPSTREAMS");
    expect(upstreams).toBe(fleet.map((name) => `${name}:3000`).join(" "));
    const names = Object.keys(Object(services));
    expect(names.filter((name) => at(services, name, "ports") !== undefined)).toEqual(["proxy"]);
    for (const name of fleet) {
      expect(at(services, name, "read_only")).toBe(true);
      expect(at(services, name, "cap_drop")).toEqual(["ALL"]);
      expect(at(services, name, "environment", "AMPHO_TRUST_PROXY")).toBe("1");
      expect(at(services, name, "depends_on", "schema", "condition")).toBe("service_completed_successfully");
    }
    expect(at(services, "schema", "command")).toEqual(["db-up"]);
    expect(JSON.stringify(at(services, fleet[0] ?? ""))).not.toContain("OWNER_PASSWORD");
  });

  it("the compose file pins its images, and contains no password", () => {
    for (const [, service] of Object.entries(Object(services)))
      expect(String(at(service, "image"))).toMatch(/^(?:ampho|\w+:\d+\.\d+[\w.-]*)$/);
    for (const [, value] of read("compose.yaml").matchAll(/PASSWORD: (.*)/g)) expect(value).toMatch(/^\$\{\w+:\?\}$/);
  });

  it("the compose file runs existing commands", () => {
    const known = commands.map(({ name }) => name);
    expect(known).toContain(at(services, "schema", "command", 0));
  });
});

describe("the unit", () => {
  const unit = path.join(root, "deploy/systemd/ampho.service");
  const exposureMax = 2;

  it(
    "the unit is valid for systemd, and restricted",
    () => {
      const analyze = requireProgram("systemd-analyze", "systemd");
      const verified = spawnSync(analyze, ["verify", unit], { encoding: "utf8" });
      // The program is not installed where the unit expects it.
      const complaints = verified.stderr.split("\n").filter((line) => line !== "" && !/is not executable/.test(line));
      expect(complaints).toEqual([]);
      const folder = mkdtempSync(path.join(tmpdir(), "ampho-unit-"));
      try {
        copyFileSync(unit, path.join(folder, "ampho@.service"));
        const template = spawnSync(analyze, ["verify", path.join(folder, "ampho@3001.service")], { encoding: "utf8" });
        expect(template.stderr.split("\n").filter((line) => line !== "" && !/is not executable/.test(line))).toEqual(
          [],
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
      const said = execFileSync(analyze, ["security", "--offline=true", unit], { encoding: "utf8" });
      expect(Number(/exposure level for \S+: ([\d.]+)/.exec(said)?.[1])).toBeLessThan(exposureMax);
    },
    installMs,
  );

  it("the unit gives the process the time of its lead and its last requests", () => {
    const text = read("systemd/ampho.service");
    const seconds = (name: string) => Number(new RegExp(`${name}=(\\d+)`).exec(text)?.[1]);
    expect(seconds("TimeoutStopSec")).toBeGreaterThan(seconds("AMPHO_SHUTDOWN_DELAY") + 5);
  });
});
