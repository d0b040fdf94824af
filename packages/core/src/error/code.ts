/**
 * The closed list of error codes. They are go-micro's, which are HTTP's, with 499 for a call that its caller cancelled.
 */
export const CODE = {
  /** The request makes no sense: it does not decode, or its validator refuses it. */
  badRequest: 400,
  /** It is not known who calls. */
  unauthorized: 401,
  /** It is known who calls, and they may not. */
  forbidden: 403,
  /** There is no such service, endpoint or thing. */
  notFound: 404,
  methodNotAllowed: 405,
  /** The time ran out. */
  timeout: 408,
  /** It clashes with something that is there. */
  conflict: 409,
  /** A message is larger than the limit. */
  tooLarge: 413,
  /** The peer does not speak this content type. */
  unsupportedMediaType: 415,
  /** A limit on how much at a time is reached. */
  tooManyRequests: 429,
  /** A header is larger than the limit. */
  headerTooLarge: 431,
  /** The caller cancelled. */
  cancelled: 499,
  /** The handler failed, or something that should not happen did. */
  internal: 500,
  notImplemented: 501,
  /** Nobody can answer now: no node, a refused or lost connection, a server that drains. */
  unavailable: 503,
} as const;

/** One of the codes in `CODE`. */
export type Code = (typeof CODE)[keyof typeof CODE];

/**
 * The id of an error with which a server says that it did not run the handler: it drains, or it is full. Whoever reads it
 * may try another node.
 */
export const REFUSED = 'micro.refused';

/** Go's reason phrases; what stands in `status`. A code that Go does not know has none. */
const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

/** The reason phrase of a code, `''` when there is none, as go-micro writes it. */
export function reasonPhrase(code: number): string {
  return PHRASES[code] ?? '';
}
