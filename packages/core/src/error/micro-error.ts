import { CODE, reasonPhrase } from './code.ts';

const BRAND = Symbol.for('@micro/core/MicroError');

/** What a `MicroError` is made from. */
export interface MicroErrorInit {
  /** Who says so: `go.micro.client`, `go.micro.server`, the name of a service, … Default `''`. */
  readonly id?: string | undefined;
  /** One of `CODE`. An error of a Go handler that was not a go-micro error has 0. Default 500. */
  readonly code?: number | undefined;
  /** What is wrong, naming the value at fault. */
  readonly detail: string;
  /** Default: Go's reason phrase for the code. */
  readonly status?: string | undefined;
  readonly cause?: unknown;
  /** The handler provably did not run, so the call may be repeated. Default false. */
  readonly unexecuted?: boolean | undefined;
}

/**
 * The one error. Its JSON is go-micro's `errors.Error`: `{"id","code","detail","status"}`, what is empty left out.
 * `instanceof` holds across two installed copies of core.
 */
export class MicroError extends Error {
  readonly id: string;
  readonly code: number;
  readonly detail: string;
  readonly status: string;
  /** The handler provably did not run, so the call may be repeated. It does not travel. */
  readonly unexecuted: boolean;

  override readonly name = 'MicroError';

  constructor(init: MicroErrorInit) {
    super(init.detail, init.cause === undefined ? undefined : { cause: init.cause });
    this.id = init.id ?? '';
    this.code = init.code ?? CODE.internal;
    this.detail = init.detail;
    this.status = init.status ?? reasonPhrase(this.code);
    this.unexecuted = init.unexecuted ?? false;
  }

  /** What `instanceof` looks for: a symbol that two copies of core have in common. */
  get [BRAND](): true {
    return true;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    try {
      return typeof value === 'object' && value !== null && BRAND in value;
    } catch {
      // A proxy that does not let itself be looked at.
      return false;
    }
  }

  /** Any thrown thing as a `MicroError`: one as it is, anything else as a 500 with the thing as its cause. */
  static from(value: unknown, init: Partial<MicroErrorInit> = {}): MicroError {
    if (value instanceof MicroError) return value;
    return new MicroError({ detail: textOf(value), cause: value, ...init });
  }

  /** The text that travels in `Micro-Error`. */
  toJSON(): { id?: string; code?: number; detail?: string; status?: string } {
    return {
      ...(this.id === '' ? {} : { id: this.id }),
      ...(this.code === 0 ? {} : { code: this.code }),
      ...(this.detail === '' ? {} : { detail: this.detail }),
      ...(this.status === '' ? {} : { status: this.status }),
    };
  }
}

/** Whatever can be thrown has some text, even an object that cannot be made into a string, or looked at. */
function textOf(value: unknown): string {
  try {
    return String(value instanceof Error ? value.message : value);
  } catch {
    return tagOf(value);
  }
}

function tagOf(value: unknown): string {
  try {
    return Object.prototype.toString.call(value);
  } catch {
    return 'an object without a text';
  }
}
