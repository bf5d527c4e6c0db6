// The client as a page loads it: bundled and minified for browsers, so that an import of a Node module fails.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The limit for `ampho/client`, minified and gzipped. The README and the guide state it. */
export const clientBytesMax = 3400;

/** The entry `full` contains the code of the entry `client`, and `mail` that of `full`. */
export async function bundleClient(
  entry: "client" | "full" | "mail" | "account" | "outside" | "api-keys" = "client",
): Promise<{ readonly text: string; readonly files: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [fileURLToPath(new URL(`../../dist/client/${entry}.js`, import.meta.url))],
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    write: false,
    metafile: true,
    logLevel: "silent",
  });
  return { text: outputFiles[0]?.text ?? "", files: Object.keys(metafile.inputs) };
}
