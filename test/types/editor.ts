// An editor: the language server of TypeScript, and the texts that it shows over a word.
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";

const root = path.resolve(import.meta.dirname, "../..");

export interface Editor {
  /** Opens a text as a file of this folder. Returns what the editor shows over the word at an offset, as Markdown. */
  open(name: string, text: string): (offset: number) => Promise<string>;
  close(): void;
}

/** An editor with an open folder, which has a tsconfig.json. */
export async function openEditor(folder: string): Promise<Editor> {
  const server = spawn(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "--lsp", "--stdio"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const { send, request } = speak(server);
  const markup = { textDocument: { hover: { contentFormat: ["markdown"] } } };
  await request("initialize", { processId: process.pid, rootUri: pathToFileURL(folder).href, capabilities: markup });
  send({ method: "initialized", params: {} });
  return {
    open(name, text) {
      const { href: uri } = pathToFileURL(path.join(folder, name));
      send({
        method: "textDocument/didOpen",
        params: { textDocument: { uri, languageId: "typescript", version: 1, text } },
      });
      return async (offset) => {
        const before = text.slice(0, offset).split("\n");
        const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
        const shown = await request("textDocument/hover", { textDocument: { uri }, position });
        return shown?.contents?.value ?? "";
      };
    },
    close: () => void server.kill(),
  };
}

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly result?: { readonly contents?: { readonly value: string } };
  readonly error?: { readonly message: string };
}

/** Messages of the Language Server Protocol, each with its length before it. */
function speak({ stdin, stdout }: ChildProcess) {
  const waiting = new Map<number, (reply: Reply) => void>();
  let received = Buffer.alloc(0);
  stdout?.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const [head, length] = /^Content-Length: (\d+)[\s\S]*?\r\n\r\n/.exec(received.toString("latin1")) ?? [];
      if (head === undefined || received.length < head.length + Number(length)) return;
      const reply: Reply = JSON.parse(received.toString("utf8", head.length, head.length + Number(length)));
      received = received.subarray(head.length + Number(length));
      // The server also asks its editor for settings. Without them it uses its defaults.
      if (reply.method !== undefined && reply.id !== undefined) send({ id: reply.id, result: null });
      else if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
    }
  });

  function send(message: object): void {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    stdin?.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  return {
    send,
    request(method: string, params: object): Promise<Reply["result"]> {
      const id = waiting.size + 1;
      send({ id, method, params });
      return new Promise((resolve, reject) =>
        waiting.set(id, ({ result, error }) =>
          error === undefined ? resolve(result) : reject(new Error(error.message)),
        ),
      );
    },
  };
}
