// A reporter of Vitest: sends each start and end of a file, a hook and a test to the parent process. See watchdog.mjs.
import path from "node:path";

const send = (kind, name, isFile = false) => process.send?.({ kind, name, isFile });
const moduleName = (module) => path.relative(process.cwd(), module.moduleId);
const testName = (test) => `${moduleName(test.module)}: ${test.fullName}`;
const hookName = ({ name, entity }) =>
  `${moduleName(entity.module ?? entity)}: ${name} of ${entity.fullName ?? "the file"}`;

export default class Progress {
  onTestModuleQueued(module) {
    send("start", moduleName(module), true);
  }
  onTestModuleEnd(module) {
    send("end", moduleName(module), true);
  }
  onTestCaseReady(test) {
    send("start", testName(test));
  }
  onTestCaseResult(test) {
    send("end", testName(test));
  }
  onHookStart(hook) {
    send("start", hookName(hook));
  }
  onHookEnd(hook) {
    send("end", hookName(hook));
  }
}
