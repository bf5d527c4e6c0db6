// The command `serve`.

import { closeSync, openSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { composeAmpho } from "../../../ampho.js";
import { type Configuration, readConfiguration } from "../../../config/configuration.js";
import { AmphoError } from "../../../errors.js";
import { type AccessLog, createAccessLog } from "../../../http/server/access-log.js";
import { createMetricsPage, type MetricsPage, metricsPath } from "../../../http/server/probes.js";
import { createHttpServer, type HttpServer } from "../../../http/server/server.js";
import type { Ampho } from "../../../instance.js";
import { hangUpLine, metricsLine, notReadyLine, stoppingLine } from "../../../log-lines.js";
import { expositionType } from "../../../telemetry/exposition.js";
import { processText, type ServerConnections } from "../../../telemetry/process-metrics.js";
import type { CommandContext, CommandInput } from "../../command.js";
import { sourceLines } from "../../configure.js";
import { CommandFailure, LoggedFailure } from "../../failures.js";
import type { Terminal } from "../../terminal/terminal.js";

type LogFormat = "text" | "json";

export async function serveCommand(input: CommandInput, context: CommandContext): Promise<void> {
  if (input.text("--log") !== "json") return serve(input, context, "text");
  try {
    await serve(input, context, "json");
  } catch (error) {
    throw new LoggedFailure(error, noticeOf("json", context.terminal));
  }
}

async function serve(input: CommandInput, context: CommandContext, format: LogFormat): Promise<void> {
  const { processContext, terminal, composition } = context;
  const { stopped, stop } = stopSignal();
  const note = noticeOf(format, terminal);
  const typed = Object.entries({ host: input.text("--host"), port: input.text("--port") });
  const { options = {} } = processContext;
  const read = readConfiguration({
    ...processContext,
    options: { ...options, ...Object.fromEntries(typed.filter(([, value]) => value !== undefined)) },
    uses: { mails: composition.mail === undefined ? "url" : "option" },
  });
  const { configuration, warnings } = read;
  for (const warning of warnings) note(`warning: ${warning}`);
  for (const line of sourceLines(read, context)) note(line);
  // The hashing threads load it at the first login. A server whose binary is missing must not start.
  await import("../../../passwords/argon2.js");
  // The listener comes first, because a SIGHUP during the start must not end the process.
  let ampho: Ampho | undefined;
  const unhook = onHangUp(
    () => void reload(ampho, note),
    () => stop("SIGHUP"),
  );
  try {
    const opened = await composeAmpho(
      configuration,
      { ...composition, clock: undefined, log: note },
      { actor: "application" },
    );
    ampho = opened;
    const { host, port, metricsListen, shutdownDelay } = configuration;
    const log = createAccessLog(format, (line) => terminal.note(line.trimEnd()));
    const metrics = createMetricsEndpoint(configuration, opened, log, () => server.connections);
    const server = createHttpServer({ host: opened.host, log, settings: configuration, metrics: metrics.page });
    try {
      const url = await listen(server, port, host);
      if (metrics.server !== undefined && metricsListen !== undefined)
        note(metricsLine(`${await listen(metrics.server, metricsListen.port, metricsListen.host)}${metricsPath}`));
      terminal.print(url);
      const signal = await stopped;
      if (signal === "SIGTERM" && shutdownDelay > 0) {
        note(notReadyLine(signal, shutdownDelay));
        for (const each of [server, metrics.server]) each?.beginShutdown();
        await pause(shutdownDelay * 1000);
      }
      note(stoppingLine(signal));
    } finally {
      await Promise.all([server.close(), metrics.server?.close()]);
    }
  } finally {
    unhook();
    await ampho?.close();
  }
}

async function reload(ampho: Ampho | undefined, note: (line: string) => void): Promise<void> {
  try {
    await ampho?.reloadKeys();
    if (ampho !== undefined) note(hangUpLine());
  } catch (error) {
    note(hangUpLine(error instanceof Error ? error.message : "unknown error"));
  }
}

function listen(server: HttpServer, port: number, host: string): Promise<string> {
  return server.listen(port, host).catch((error: unknown) => {
    throw new CommandFailure(`Cannot listen on ${host}, port ${port} (${listenProblem(error)}).`);
  });
}

/** The first SIGTERM or SIGINT stops the server gracefully. The next one ends the process at once. */
function stopSignal(): { readonly stopped: Promise<NodeJS.Signals>; readonly stop: (signal: NodeJS.Signals) => void } {
  const signals = ["SIGTERM", "SIGINT"] as const;
  let stop: (signal: NodeJS.Signals) => void = () => {};
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    stop = (signal) => {
      for (const each of signals) process.off(each, stop);
      resolve(signal);
    };
  });
  for (const each of signals) process.on(each, stop);
  return { stopped, stop };
}

/** With the format json, every line is JSON. */
function noticeOf(format: LogFormat, terminal: Terminal): (line: string, requestId?: string) => void {
  return format === "text"
    ? (line, id) => terminal.note(id === undefined ? `ampho: ${line}` : `ampho: request ${id}: ${line}`)
    : (line, id) => terminal.note(JSON.stringify({ time: new Date().toISOString(), message: line, id }));
}

const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "this user does not have the permission",
  EADDRNOTAVAIL: "it is not an address of this machine",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the host cannot be looked up",
};

function listenProblem(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  return listenProblems[code] ?? `error ${code}`;
}

/**
 * Calls `onReload` at each SIGHUP that a process sent, and `onGone` at the one that the closed terminal of this process
 * causes. Returns a function that removes the listener.
 */
function onHangUp(onReload: () => void, onGone: () => void): () => void {
  const hadTerminal = hasTerminal();
  const listener = () => (hadTerminal && !hasTerminal() ? onGone() : onReload());
  process.on("SIGHUP", listener);
  return () => void process.off("SIGHUP", listener);
}

/** Checks the controlling terminal of the process. The streams of the process can be something else. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

/** `page` is for the server of the service, and `server` for the separate port, which also serves the probes. */
function createMetricsEndpoint(
  { metricsListen, metricsToken: token }: Pick<Configuration, "metricsListen" | "metricsToken">,
  { host, metrics }: Ampho,
  log: AccessLog,
  connections: () => ServerConnections,
): { readonly page?: MetricsPage; readonly server?: HttpServer } {
  if (metricsListen === undefined && token === undefined) return {};
  const { errorResponse } = host;
  const read = () => metrics() + processText(connections());
  const page = createMetricsPage({ token, read, type: expositionType, errorResponse });
  if (metricsListen === undefined) return { page };
  const server = createHttpServer({
    host: { ...host, handle: async () => errorResponse(new AmphoError("not_found", "This path does not exist.")) },
    // Prometheus reads every few seconds, so only a rejected request is logged.
    log: (entry) => {
      if (entry.status >= 400) log(entry);
    },
    metrics: page,
  });
  return { server };
}
