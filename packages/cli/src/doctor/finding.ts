/** What one look at a machine or a project found. */
export interface Finding {
  /** What was looked at: `node`, `core`, `plugin @micro/registry-etcd`, … */
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'problem';
  /** What is there, with names and versions. */
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}
