# SPDX-License-Identifier: Apache-2.0
"""scripts/test: builds what the wanted parts need and runs them, part after part."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import time

import jobs
import report

# In the order they run; the CMake presets they need, the first being the one they test. At most two builds in all,
# for the time that they take: sanitizers, fault points and fuzz targets share one.
PARTS = {
    'lint': [],
    'unit': ['release', 'fuzz'],
    'contract': ['release'],
    'integration': ['release', 'fuzz'],
    'guest': ['release'],
    'crash': ['fuzz'],
    'fuzz': ['fuzz'],
    'soak': ['release', 'fuzz'],
}
FUZZ_SECONDS = {'fuzz': 10, 'soak': 1800}
FOLDERS = {'release': 'build', 'fuzz': 'build-fuzz'}
LOGS = os.path.join(jobs.SOURCE, 'build/test-logs')


def options():
    parser = argparse.ArgumentParser(prog='scripts/test')
    parser.add_argument('-j', type=int, default=2, metavar='N')
    parser.add_argument('-k', default='', metavar='WORD')
    parser.add_argument('parts', nargs='*', metavar='PART')
    chosen = parser.parse_args()
    for part in chosen.parts:
        if part not in PARTS:
            parser.error("no part '%s': one of %s" % (part, ' '.join(PARTS)))
    chosen.parts = [p for p in PARTS if p in (chosen.parts or [q for q in PARTS if q != 'soak'])]
    return chosen


def build(preset):
    """Configures and builds; the time it took and the log's text, which is None when all went well."""
    started = time.monotonic()
    log = os.path.join(LOGS, 'build-%s.log' % preset)
    with open(log, 'wb') as f:
        for command in (['cmake', '--preset', preset, '-DGANTRY_TESTS=ON'],
                        ['cmake', '--build', '--preset', preset]):
            if subprocess.call(command, cwd=jobs.SOURCE, stdin=subprocess.DEVNULL, stdout=f, stderr=f) != 0:
                break
        else:
            return time.monotonic() - started, None
    with open(log, encoding='utf-8', errors='replace') as f:
        return time.monotonic() - started, f.read()


def build_all(parts, out):
    """Builds the presets of the parts; the set of those that failed."""
    broken, took = set(), 0.0
    for preset in FOLDERS:
        if not any(preset in PARTS[p] for p in parts):
            continue
        print('building the %s preset' % preset, flush=True)
        seconds, text = build(preset)
        took += seconds
        if text is not None:
            broken.add(preset)
            out.fail('build', 'the %s preset does not build' % preset, text)
    if took:
        out.suite_done('build', took)
    return broken


def sanitized(build, part):
    """The part's executables of the sanitizers' build, told apart by name."""
    for job in jobs.from_ctest(build, part):
        job.name += '.asan'
        yield job


def alternately(release, sanitized_ones):
    """Each test from one of two builds, every second from the one; which, changes from commit to commit."""
    head = subprocess.run(['git', 'rev-parse', 'HEAD'], cwd=jobs.SOURCE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False).stdout.strip()
    turn = int(head[-1:] or '0', 16)
    others = {job.name: job for job in sanitized_ones}
    for number, job in enumerate(release):
        yield others.get(job.name + '.asan', job) if (number + turn) % 2 else job


def jobs_of(part):
    """Unit tests run from both builds, integration tests from one of them, for the time that they take."""
    build_of = {preset: os.path.join(jobs.SOURCE, folder) for preset, folder in FOLDERS.items()}
    folder = build_of[PARTS[part][0] if PARTS[part] else 'release']
    if part == 'unit':
        yield from jobs.from_ctest(folder, part)
        yield from sanitized(build_of['fuzz'], part)
    elif part == 'integration':
        yield from alternately(jobs.from_ctest(folder, part), sanitized(build_of['fuzz'], part))
    elif PARTS[part]:
        yield from jobs.from_ctest(folder, part)
    if part in ('guest', 'soak'):
        yield from jobs.from_guest_lists(folder, part)
    if part in FUZZ_SECONDS:
        yield from jobs.from_fuzz_targets(build_of['fuzz'], FUZZ_SECONDS[part])
    if part not in ('guest', 'fuzz'):
        yield from jobs.from_scripts(folder, part)


def run_part(part, chosen, runner, out):
    todo = list(jobs_of(part))
    todo = [j for j in todo if chosen.k in j.name]
    if not todo:
        print('%s: no test' % part)
        return
    started = time.monotonic()
    runner.run_all(todo, chosen.j, out.test_done)
    out.suite_done(part, time.monotonic() - started, [j for j in todo if j.results])


class HostCheck:
    """The host before and after the run: what tests leave behind is a failure of the run."""

    ROOTS = ['/var/lib/gantry', '/run/gantry']

    def __init__(self):
        self.program = os.path.join(jobs.SOURCE, 'build/tests/hoststate')
        self.before = os.path.join(LOGS, 'host-before')
        self.taken = os.path.exists(self.program) and \
            subprocess.call([self.program, 'take', self.before] + self.ROOTS) == 0

    def finish(self, out):
        if not self.taken:
            return
        check = subprocess.run([self.program, 'check', self.before] + self.ROOTS, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, check=False)
        if check.returncode == 0:
            out.passed += 1
        elif os.environ.get('GANTRY_TEST_SHARED_HOST'):
            out.skips.append(('host', 'nothing is left behind',
                              'GANTRY_TEST_SHARED_HOST is set: others change this host during the run'))
        else:
            out.fail('host', 'something is left behind, or gone', check.stdout)


def main():
    chosen = options()
    if os.geteuid() != 0:
        print('the tests make namespaces, mounts and cgroups: run as root')
        print('0 passed, 1 failed, 0 skipped')
        return 1
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    out, runner = report.Report(), jobs.Runner(LOGS)

    def interrupted(signum, _frame):
        if runner.stopped:
            return
        runner.stop()
        sys.exit(128 + signum)

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, interrupted)
    broken = build_all(chosen.parts, out)
    host = HostCheck()
    for part in chosen.parts:
        if not broken.intersection(PARTS[part]):
            run_part(part, chosen, runner, out)
    host.finish(out)
    return out.finish()


sys.exit(main())
