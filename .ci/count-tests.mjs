/*
 * Sums up the reports that tests left and closes with `N passed, N failed, N skipped`. In each package `tests.json` is the
 * report of `npm test`, and `tests-<label>.json` is that of another run, on another Node for instance.
 * Fails when a test failed, when a package with tests has no report of `npm test`, and in CI when a test was skipped
 * without a reason. With `--clear` it removes the reports of earlier runs instead.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT, workspaces } from './workspaces.mjs';

const REPORTS = '.turbo';
const REPORT = /^tests(?:-(?<label>.+))?\.json$/;
const tested = workspaces().filter(({ manifest }) => manifest.scripts?.test !== undefined);

if (process.argv.includes('--clear')) {
  for (const workspace of tested) for (const { path } of reportsOf(workspace)) rmSync(path);
} else {
  count();
}

function count() {
  const excuses = JSON.parse(readFileSync(join(ROOT, '.ci/may-skip.json'), 'utf8')).filter(
    ({ unless }) => unless === undefined || spawnSync(unless, ['version']).error !== undefined,
  );
  const total = { passed: 0, failed: 0, skipped: 0 };
  const faults = [];
  for (const workspace of tested) {
    const { name } = workspace.manifest;
    const reports = reportsOf(workspace);
    if (!reports.some(({ label }) => label === undefined)) {
      faults.push(`${name} left no report: its tests did not run to their end`);
    }
    for (const { path, label } of reports) {
      const shown = label === undefined ? name : `${name} (${label})`;
      for (const file of JSON.parse(readFileSync(path, 'utf8')).testResults) {
        const tests = file.assertionResults;
        // A file that failed before its first test ran has no failed test to show for it.
        if (file.status === 'failed' && tests.every(({ status }) => status !== 'failed')) {
          total.failed++;
          faults.push(`failed: ${shown} ${relative(workspace.folder, file.name)}`);
        }
        for (const { status, fullName } of tests) {
          if (status === 'passed') total.passed++;
          else if (status === 'failed') total.failed++;
          else total.skipped++;
          if (status === 'failed') faults.push(`failed: ${shown} ${fullName}`);
          if (status !== 'passed' && status !== 'failed') reportSkip(name, fullName, excuses, faults);
        }
      }
    }
  }
  for (const fault of faults) console.log(fault);
  if (faults.length > 0) process.exitCode = 1;
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
}

/** The reports that a package's tests left: where they are, and what the run was called if it was not `npm test`. */
function reportsOf({ folder }) {
  const reports = join(folder, REPORTS);
  if (!existsSync(reports)) return [];
  return readdirSync(reports)
    .map((file) => ({ path: join(reports, file), found: REPORT.exec(file) }))
    .filter(({ found }) => found !== null)
    .map(({ path, found }) => ({ path, label: found.groups.label }));
}

/** A conformance case that cannot hold says why in its name; every other skip has its reason in may-skip.json. */
function reportSkip(name, test, excuses, faults) {
  const excused = / \(skipped: .+\)$/.test(test);
  const excuse = excuses.find((entry) => entry.package === name && test.startsWith(entry.test ?? ''));
  if (excuse !== undefined) console.log(`skipped: ${name} ${test} (${excuse.reason})`);
  else if (excused || !process.env.CI) console.log(`skipped: ${name} ${test}`);
  else faults.push(`skipped without an excuse in .ci/may-skip.json: ${name} ${test}`);
}
