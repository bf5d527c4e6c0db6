// Hands out each port once. A port that was free a moment ago is no reservation: the system can assign it to another server
// or to an outgoing connection. So these ports are outside the range that the system assigns.
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";

const blockSize = 200;
/** Above the ports that `fetch` rejects. */
const lowest = 11_000;

/** The first port, and the end. */
function range(): readonly [number, number] {
  // The range of RFC 6335, which macOS uses.
  let [low, high] = [49_152, 65_535];
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    [low = low, high = high] = text.trim().split(/\s+/).map(Number);
  } catch {
    // Only Linux has the file.
  }
  const below = [lowest, low] as const;
  const above = [Math.max(lowest, high + 1), 65_536] as const;
  const found = [below, above].find(([first, end]) => end - first >= blockSize);
  if (found === undefined) throw new Error("the system assigns every port, see /proc/sys/net/ipv4/ip_local_port_range");
  return found;
}

const bind = (port: number, host?: string): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined)).listen(port, host, () => resolve(server));
  });

async function isFree(port: number): Promise<boolean> {
  for (const host of [undefined, "127.0.0.1"]) {
    const server = await bind(port, host);
    if (server === undefined) return false;
    await new Promise((resolve) => server.close(resolve));
  }
  return true;
}

/** A process owns a block as long as it listens on its first port, so two runs on one machine have different ports. */
async function* freePorts(): AsyncGenerator<number, undefined> {
  const [first, end] = range();
  const blocks = Math.floor((end - first) / blockSize);
  const start = randomInt(blocks);
  for (let count = 0; count < blocks; count++) {
    const begin = first + ((start + count) % blocks) * blockSize;
    const owned = await bind(begin, "127.0.0.1");
    owned?.unref();
    if (owned !== undefined)
      for (let port = begin + 1; port < begin + blockSize; port++) if (await isFree(port)) yield port;
  }
  return undefined;
}

const ports = freePorts();

/** Concurrent calls get different ports, because a generator handles them one after the other. */
export async function reservePort(): Promise<number> {
  const { value } = await ports.next();
  if (value === undefined) throw new Error("every port is taken");
  return value;
}
