// Writes the public types of each entry into test/api/, one report each: what a version promises, for a reader and for a diff.
// `npm run api` writes them from the present source.
//
//     node scripts/api-report.mjs [FOLDER [PACKAGE]]    default: test/api package
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = path.resolve(process.argv[2] ?? path.join(root, "test/api"));
const packageFolder = path.resolve(process.argv[3] ?? path.join(root, "package"));
const { exports } = JSON.parse(readFileSync(path.join(packageFolder, "package.json"), "utf8"));
const quiet = { logLevel: ExtractorLogLevel.None, addToApiReportFile: false };

mkdirSync(folder, { recursive: true });
for (const conditions of Object.values(exports)) {
  if (typeof conditions === "string") continue;
  const file = conditions.import.types;
  const name = path
    .relative("dist", file)
    .replace(/\.d\.ts$/, "")
    .replaceAll("/", "-");
  const configuration = ExtractorConfig.prepare({
    packageJsonFullPath: path.join(packageFolder, "package.json"),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: packageFolder,
      mainEntryPointFilePath: path.join(packageFolder, file),
      compiler: {
        overrideTsconfig: {
          compilerOptions: { module: "nodenext", target: "es2022", strict: true, types: ["node"], skipLibCheck: true },
          include: [path.join(packageFolder, file)],
        },
      },
      newlineKind: "lf",
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: folder,
        reportTempFolder: path.join(packageFolder, ".api"),
        includeForgottenExports: false,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: quiet },
        extractorMessageReporting: { default: quiet },
        tsdocMessageReporting: { default: quiet },
      },
    },
  });
  const { errorCount } = Extractor.invoke(configuration, {
    localBuild: true,
    messageCallback: (message) => {
      message.handled = true;
      if (message.logLevel === "error") process.stderr.write(`${message.text}\n`);
    },
  });
  if (errorCount > 0) throw new Error(`${name}: ${errorCount} errors`);
}
