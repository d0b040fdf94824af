import { CODE, type Code, MicroError } from '@micro/core';
import { reasonOf } from '@micro/core/plugin';
import { at, listAt, numberAt, textAt } from './json.ts';

/** Who says so. It is go-micro's name for every runtime. */
export const ID = 'go.micro.runtime';

/** An error of this runtime. */
export function k8sError(code: Code, detail: string, cause?: unknown): MicroError {
  return new MicroError({ id: ID, code, detail, ...(cause === undefined ? {} : { cause }) });
}

/** What an API server said when it refused: its HTTP status, and the `Status` object of its body. */
export class ApiRefusal extends Error {
  readonly http: number;
  readonly status: unknown;

  override readonly name = 'ApiRefusal';

  constructor(http: number, status: unknown) {
    super(textAt(status, 'message') ?? `HTTP ${http}`);
    this.http = http;
    this.status = status;
  }
}

/** Whether an error is a refusal with this HTTP status, and with this `reason` if one is given. */
export function isRefusal(error: unknown, http: number, reason?: string): boolean {
  const refusal = error instanceof MicroError ? error.cause : error;
  return (
    refusal instanceof ApiRefusal &&
    refusal.http === http &&
    (reason === undefined || textAt(refusal.status, 'reason') === reason)
  );
}

/** The number of seconds after which a refusal asks to be tried again. */
export function retrySecondsOf(refusal: ApiRefusal): number | undefined {
  return numberAt(refusal.status, 'details', 'retryAfterSeconds');
}

/** A refusal as an error that says what to do. `what` was being done, `where` is the server's `host:port`. */
export function refusalError(what: string, where: string, refusal: ApiRefusal): MicroError {
  const { http, status } = refusal;
  const said = reasonOf(refusal);
  const say = (code: Code, text: string): MicroError => k8sError(code, `${what} failed: ${text}`, refusal);
  switch (http) {
    case 400:
    case 405:
    case 415:
    case 422:
      return say(CODE.badRequest, `the API server at ${where} does not accept it: ${said}`);
    case 401:
      return say(
        CODE.unauthorized,
        `the API server at ${where} does not know who asks: check the token or the client certificate of the kubeconfig`,
      );
    case 403:
      if (said.includes('exceeded quota')) {
        return say(CODE.tooManyRequests, `${quotaOf(refusal)}: raise the quota, or delete what is not needed`);
      }
      return say(CODE.forbidden, `${said}: bind a role that allows it to this user or service account`);
    case 404:
      return say(CODE.notFound, said);
    case 409:
      return say(CODE.conflict, conflictOf(status) ?? said);
    case 410:
      return say(CODE.conflict, `the API server at ${where} has forgotten what was asked for: ${said}`);
    case 413:
      return say(CODE.tooLarge, said);
    case 429:
      return say(CODE.tooManyRequests, `the API server at ${where} has too much to do: try again later`);
    default:
      return say(CODE.unavailable, `the API server at ${where} answered ${http}: ${said}`);
  }
}

/** The part of the text that names the quota and what it counts. */
function quotaOf(refusal: ApiRefusal): string {
  const { message } = refusal;
  return reasonOf(message.slice(message.indexOf('exceeded quota')));
}

/** Who owns the fields that were to be changed, of a conflict between field managers. */
function conflictOf(status: unknown): string | undefined {
  const causes = listAt(status, 'details', 'causes').filter(
    (cause) => textAt(cause, 'reason') === 'FieldManagerConflict',
  );
  if (causes.length === 0) return undefined;
  const owned = causes.slice(0, 5).map((cause) => {
    const manager = /^conflict with "([^"]{1,128})"/.exec(textAt(cause, 'message') ?? '')?.[1] ?? 'somebody else';
    return `${JSON.stringify(manager)} manages ${textAt(cause, 'field') ?? 'a field'}`;
  });
  const more = causes.length > 5 ? ` and ${causes.length - 5} more` : '';
  return `${owned.join(', ')}${more}: change it there, or take it over with the option force`;
}

/** A `Status` object inside a watch as a refusal. */
export function refusalOf(status: unknown): ApiRefusal {
  return new ApiRefusal(numberAt(at(status), 'code') ?? 500, status);
}
