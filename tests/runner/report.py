# SPDX-License-Identifier: Apache-2.0
"""What the run says: a line a test, the tail of what failed, the parts with times against tests/BUDGET, the skips."""
import os
import threading

import jobs

OVERRUN = 1.2  # a suite may take this much of its budget
TAIL_LINES = 40


def read_budget():
    budget = {}
    with open(os.path.join(jobs.SOURCE, 'tests/BUDGET'), encoding='utf-8') as f:
        for line in f:
            words = line.split('#')[0].split()
            if words:
                budget[words[0]] = float(words[1]) * 60
    return budget


class Report:
    def __init__(self):
        self.budget = read_budget()
        self.lock = threading.Lock()
        self.suites = []  # (name, passed, failed, skipped, seconds)
        self.skips = []   # (test, point, reason)
        self.broken = []  # (test, point)
        self.passed = 0

    def test_done(self, job):
        r = job.results
        verdict = 'FAIL' if r.failed else 'ok' if r.passed else 'skip'
        with self.lock:
            self.passed += r.passed
            self.skips += [(job.name, point, reason) for point, reason in r.skipped]
            self.broken += [(job.name, point) for point in r.failed]
            print('%-4s %-36s %4d passed %3d failed %3d skipped %7.1f s'
                  % (verdict, job.name, r.passed, len(r.failed), len(r.skipped), job.took), flush=True)
            if r.failed:
                self.show_failure(job.text, ['%s: %s' % (job.name, p) for p in r.failed])

    def show_failure(self, text, points):
        for line in text.splitlines()[-TAIL_LINES:]:
            print('     | ' + line)
        for point in points:
            print('     FAILED ' + point, flush=True)

    def fail(self, where, what, text=''):
        self.broken.append((where, what))
        self.show_failure(text, ['%s: %s' % (where, what)])

    def suite_done(self, name, seconds, done=()):
        self.suites.append((name, sum(j.results.passed for j in done), sum(len(j.results.failed) for j in done),
                            sum(len(j.results.skipped) for j in done), seconds))
        limit = self.budget.get(name)
        if limit is None:
            self.fail(name, 'has no line in tests/BUDGET')
        elif seconds > OVERRUN * limit:
            self.fail(name, 'took %.0f s, more than %.0f %% of its %.0f s in tests/BUDGET'
                      % (seconds, OVERRUN * 100, limit))

    def finish(self):
        print('\n%-12s %7s %7s %7s %9s %9s' % ('suite', 'passed', 'failed', 'skipped', 'seconds', 'budget'))
        for name, passed, failed, skipped, seconds in self.suites:
            print('%-12s %7d %7d %7d %9.1f %9.0f' % (name, passed, failed, skipped, seconds, self.budget.get(name, 0)))
        for test, point, reason in self.skips:
            print('skipped %s: %s: %s' % (test, point, reason or 'no reason was given'))
        for test, point in self.broken:
            print('FAILED %s: %s' % (test, point))
        print('%d passed, %d failed, %d skipped' % (self.passed, len(self.broken), len(self.skips)), flush=True)
        return 0 if self.passed > 0 and not self.broken else 1
