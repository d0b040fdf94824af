/** Measures a running service. */
export interface Profile {
  readonly name: string;
  start(): Promise<void>;
  /** Ends the measurement and writes down what it found. Does nothing when it was not started. */
  stop(): Promise<void>;
}
