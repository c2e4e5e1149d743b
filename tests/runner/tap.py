# SPDX-License-Identifier: Apache-2.0
"""Reads what a test printed: the points of the Test Anything Protocol, as cmocka and our shell tests write them.

cmocka starts a plan for each of its groups, numbers anew in each, writes a skip as "not ok N # SKIP name" and
prints the reason before it.
"""
import re

POINT = re.compile(r'^\s*(not )?ok\b\s*(\d+)?\s*(?:- )?(.*)$')
PLAN = re.compile(r'^\s*1\.\.(\d+)\s*(?:#\s*(?:SKIP|skip)\b\s*(.*))?$')
SKIP = re.compile(r'#\s*SKIP\b\s*(.*)$', re.IGNORECASE)


class Results:
    """Counts of one executable."""

    def __init__(self):
        self.passed = 0
        self.failed = []   # names
        self.skipped = []  # (name, reason)
        self.planned = None

    def points(self):
        return self.passed + len(self.failed) + len(self.skipped)

    def add_point(self, bad, name, said_before):
        skip = SKIP.search(name)
        if skip:
            title = name[:skip.start()].rstrip(' -')
            reason = skip.group(1).strip()
            if not title:
                title, reason = reason, said_before
            self.skipped.append((title, reason))
        elif bad:
            self.failed.append(name)
        else:
            self.passed += 1

    def add(self, name, other):
        """Takes the points of a test that ran as a part of this one."""
        self.passed += other.passed
        self.failed += ['%s: %s' % (name, point) for point in other.failed]
        self.skipped += [('%s: %s' % (name, point), reason) for point, reason in other.skipped]

    def add_plan(self, plan):
        self.planned = (self.planned or 0) + int(plan.group(1))
        if plan.group(2) is not None and int(plan.group(1)) == 0:
            self.planned += 1
            self.skipped.append(('all', plan.group(2).strip()))


def parse(text):
    results = Results()
    said = ''
    for line in text.splitlines():
        plan, point = PLAN.match(line), POINT.match(line)
        if plan:
            results.add_plan(plan)
        elif point:
            results.add_point(bool(point.group(1)), point.group(3).strip() or '(no name)', said)
            said = ''
        elif line.strip():
            said = line.strip().lstrip('# ')
    return results


def judge(text, code, timed_out, seconds):
    """The results of a finished executable; what the executable itself did wrong becomes a failed point."""
    results = parse(text)
    if timed_out:
        results.failed.append('timed out after %d s' % seconds)
    elif code > 128:
        results.failed.append('killed by signal %d' % (code - 128))
    elif results.points() == 0:
        results.failed.append('printed no test point (exit %d)' % code)
    elif code != 0 and not results.failed:
        results.failed.append('exit %d although no point failed' % code)
    elif results.planned is None:
        results.failed.append('printed no plan')
    elif results.points() < results.planned:
        results.failed.append('%d points of %d planned' % (results.points(), results.planned))
    return results
