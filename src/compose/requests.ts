// The guard of an instance, its REST API, and its pages.
import { bindFlows } from "../flows/flows.js";
import { createApiKeyReader } from "../guard/api-keys.js";
import { createGuard, type Guard } from "../guard/guard.js";
import { checkLive } from "../guard/live-check.js";
import { challengeForResources } from "../guard/resource-challenge.js";
import { createCookieMode } from "../http/rest/cookies/cookie-mode.js";
import { createRenewPage } from "../http/rest/cookies/renew-page.js";
import { featuresOf } from "../http/rest/features.js";
import { createHandler, type Handle } from "../http/rest/handler.js";
import { callerOf, callerOfAny } from "../http/rest/request/client-address.js";
import { isUnder, parseTarget } from "../http/rest/request/target.js";
import { createErrorResponder } from "../http/rest/responses/problems.js";
import { createRootDocuments } from "../http/rest/root-documents.js";
import { serverMetadata } from "../http/rest/server-metadata.js";
import { databaseLine, forwardedLine, plainHttpLine } from "../log-lines.js";
import { languageOf } from "../mail/texts/language.js";
import { createMailLanguages } from "../mail/texts/mail-languages.js";
import type { CompositionOptions } from "../options.js";
import type { Pages, PagesDeps } from "../pages/pages.js";
import { createFeed } from "../sessions/feed.js";
import { followRevocations, hasRecentRevocations } from "../sessions/follow-revocations.js";
import type { Telemetry } from "../telemetry/telemetry.js";
import { acceptsApiKeys } from "../tokens/api-key.js";
import type { Keyring } from "../tokens/keyring.js";
import { depsOfCaller, type ServingDeps } from "./flow-deps.js";
import type { Lifetime } from "./lifetime.js";
import { bugReporter, toStderr } from "./management.js";

interface GuardParts {
  readonly telemetry: Telemetry;
  readonly options: CompositionOptions;
}

/** The guard, which follows the revocations. */
export function openGuard(deps: ServingDeps, { telemetry, options }: GuardParts, { onClose }: Lifetime) {
  const { settings } = deps;
  const { log = toStderr } = options;
  const follower = followRevocations({ ...deps, report: (state, error) => log(databaseLine(state, error)) });
  onClose(follower.stop);
  const addressOf = (request: unknown) => callerOfAny(request, settings.trustProxy).address;
  const apiKeys = acceptsApiKeys(settings) ? createApiKeyReader({ ...deps, addressOf }) : undefined;
  const recordUse = async () => apiKeys?.recordUse();
  // Without the database the days of use are lost, and nothing else is.
  onClose(recordUse);
  const observed = createGuard({
    ...deps,
    keys: apiKeys,
    revocationsKnown: () => hasRecentRevocations(follower, settings.revocationLagMax),
    pendingRead: follower.pendingRead,
    checkLive: (token) => checkLive(deps, token),
  });
  const { verify, verifySync, guard } = telemetry.guard(observed);
  return { follower, recordUse, verify, verifySync, guard: challengeForResources(guard, settings.resources) };
}

interface RequestParts extends GuardParts {
  readonly keyring: Keyring;
  readonly guard: Guard["guard"];
  readonly version: string;
}

/** The handler of the REST API and the pages, and what adapters need beside it. */
export async function openRequests(deps: ServingDeps, parts: RequestParts, { onClose }: Lifetime) {
  const { keyring, telemetry, options, guard, version } = parts;
  const { settings, store } = deps;
  const { log = toStderr } = options;
  const { pages, restPrefix, trustProxy, revocationFeedToken: token } = settings;
  const languages = createMailLanguages(options.languages);
  const feed = token === undefined ? undefined : createFeed({ ...deps, token });
  const release = () => feed?.close();
  onClose(release);
  const errorResponse = createErrorResponder(bugReporter(log, telemetry));
  const cookies = settings.cookies
    ? telemetry.cookies(createCookieMode(settings.corsOrigins, () => log(plainHttpLine())))
    : undefined;
  const documents = createRootDocuments(
    settings.appUrl,
    deps.relyingParty?.origins,
    settings.resources,
    serverMetadata(settings),
  );
  const flows = bindFlows(depsOfCaller(deps), telemetry.flow);
  const features = featuresOf(deps, feed?.read, () => keyring.publicKeys());
  const languageOfMails = deps.outbox && ((accepted: string | undefined) => languageOf(accepted, languages.tags));
  const handler = createHandler({
    flows,
    features,
    guard,
    documents,
    errorResponse,
    cookies,
    version,
    settings,
    languageOf: languageOfMails,
    onForwarded: () => log(forwardedLine()),
  });
  const rest = telemetry.handle(handler, restPrefix);
  const renewPage =
    cookies &&
    createRenewPage({
      mode: cookies,
      guard,
      renew: flows.renew,
      callerOf: (request) => callerOf(request, trustProxy, languageOfMails),
      // The request does not wait for it. Without the database, an older token can be repeated for a while longer.
      received: (sessionId, gen) => void store.confirmRenewal({ sessionId, gen }).catch(() => undefined),
    });
  const shown =
    pages !== false && cookies !== undefined && renewPage !== undefined
      ? await loadPages({
          settings: { ...settings, pages },
          handle: rest,
          cookies,
          renewPage,
          errorResponse,
          features,
          clock: deps.clock,
          mailTokens: deps.mailTokens,
          languages: options.languages,
        })
      : undefined;
  return {
    prefix: restPrefix,
    rootPaths: new Set(documents.keys()),
    pagesPrefix: pages && shown ? pages.prefix : undefined,
    errorPage: shown?.errorPage,
    handle: shown?.handle ?? rest,
    errorResponse,
    cookies,
    renewPage,
    release,
  };
}

/** The pages are loaded only where they are on. */
async function loadPages(deps: PagesDeps): Promise<Pages> {
  const { createPages } = await import("../pages/pages.js");
  const pages = createPages(deps);
  const { prefix } = deps.settings.pages;
  const isPage = ({ target }: Parameters<Handle>[0]) => isUnder(prefix, parseTarget(target).path);
  return { ...pages, handle: (request) => (isPage(request) ? pages.handle(request) : deps.handle(request)) };
}
