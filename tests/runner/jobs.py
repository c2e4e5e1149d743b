# SPDX-License-Identifier: Apache-2.0
"""What there is to run: executables that ctest knows, shell tests, guest groups; and running one of them."""
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import tap

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CONTAIN = os.path.join(SOURCE, 'tests/runner/contain.sh')
DEFAULT_SECONDS = 120


class Job:
    def __init__(self, name, command, build, seconds=DEFAULT_SECONDS, alone=False, environment=()):
        self.name = name
        self.command = command
        self.build = build
        self.seconds = seconds
        self.alone = alone
        self.environment = dict(environment)
        self.results = None
        self.took = 0.0
        self.text = ''

    def judge(self, code, timed_out):
        return tap.judge(self.text, code, timed_out, self.seconds)


def from_ctest(build, part):
    """The executables registered by gantry_test() under the label `part` in a build folder."""
    listing = subprocess.run(['ctest', '--test-dir', build, '--show-only=json-v1'], check=True, stdout=subprocess.PIPE)
    for test in json.loads(listing.stdout)['tests']:
        properties = {p['name']: p['value'] for p in test.get('properties', [])}
        if part not in properties.get('LABELS', []):
            continue
        environment = [e.split('=', 1) for e in properties.get('ENVIRONMENT', [])]
        yield Job(test['name'], test.get('command', [test['name']]), build,
                  int(properties.get('TIMEOUT', DEFAULT_SECONDS)), properties.get('RUN_SERIAL', False), environment)


def from_scripts(build, part):
    """tests/PART/*.sh and test_*.py; "# timeout: SECONDS" and "# alone" in the comment at the top are for us."""
    folder = os.path.join(SOURCE, 'tests', part)
    if not os.path.isdir(folder):
        return
    for entry in sorted(os.listdir(folder)):
        python = entry.startswith('test_') and entry.endswith('.py')
        if not python and not entry.endswith('.sh'):
            continue
        path = os.path.join(folder, entry)
        with open(path, encoding='utf-8') as f:
            head = ''.join(itertools.takewhile(lambda line: line.startswith('#'), f))
        timeout = re.search(r'^# timeout: (\d+)$', head, re.MULTILINE)
        name = '%s_%s' % (part, entry[:-3].removeprefix('test_'))
        yield Job(name, ['/usr/bin/python3' if python else 'bash', path], build,
                  int(timeout.group(1)) if timeout else DEFAULT_SECONDS,
                  bool(re.search(r'^# alone$', head, re.MULTILINE)))


class GuestJob(Job):
    """Tests that run one after another in one guest (tests/guest/NAME.list); one boot for all of them."""

    def __init__(self, name, options, tests, build, seconds):
        pairs = ['%s=%s' % pair for pair in tests.items()]
        guest = os.path.join(SOURCE, 'tests/guest')
        super().__init__(name, [os.path.join(guest, 'run'), '-t', str(seconds)] + options +
                         ['--', 'bash', os.path.join(guest, 'inside.sh'), str(seconds)] + pairs, build, seconds + 30)
        self.tests = tests

    def judge(self, code, timed_out):
        results = tap.Results()
        for name in self.tests:
            section = re.search(r'^=== begin %s$(.*?)^=== end %s (\d+)$' % (re.escape(name), re.escape(name)), self.text,
                                re.MULTILINE | re.DOTALL)
            if section:
                inside = int(section.group(2))
                results.add(name, tap.judge(section.group(1), inside, inside == 124, self.seconds))
            else:
                results.failed.append('%s: did not run to its end' % name)
        if timed_out:
            results.failed.append('the guest timed out after %d s' % self.seconds)
        elif code != 0:
            results.failed.append('the guest did not start or was cut short (exit %d)' % code)
        return results


def from_guest_lists(build, part):
    """tests/guest/NAME.list: names of tests, "# guest: OPTIONS" for tests/guest/run, "# timeout: SECONDS", "# part: soak"
    for those that are not of the part guest."""
    folder = os.path.join(SOURCE, 'tests/guest')
    for entry in sorted(os.listdir(folder)):
        if not entry.endswith('.list'):
            continue
        with open(os.path.join(folder, entry), encoding='utf-8') as f:
            text = f.read()
        of_part = re.search(r'^# part: (\w+)$', text, re.MULTILINE)
        if (of_part.group(1) if of_part else 'guest') != part:
            continue
        options = re.search(r'^# guest: (.*)$', text, re.MULTILINE)
        timeout = re.search(r'^# timeout: (\d+)$', text, re.MULTILINE)
        tests = {}
        for name in text.split('\n'):
            if name and not name.startswith('#'):
                tests[name] = os.path.join(SOURCE, 'tests', name + '.sh') if '/' in name else \
                    os.path.join(build, 'tests', name)
        yield GuestJob('guest-' + entry[:-5], options.group(1).split() if options else [], tests, build,
                       int(timeout.group(1)) if timeout else DEFAULT_SECONDS)


def from_fuzz_targets(build, fuzz_seconds):
    """build-fuzz/fuzz/fuzz_NAME, each by way of tests/fuzz/target.sh."""
    folder = os.path.join(build, 'fuzz')
    script = os.path.join(SOURCE, 'tests/fuzz/target.sh')
    for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if entry.startswith('fuzz_') and not entry.endswith('_planted'):
            yield Job(entry, ['bash', script, entry[5:], str(fuzz_seconds)], build, fuzz_seconds + 120)


class Runner:
    """Runs jobs, each in a pid namespace that ends with it, and keeps what they print."""

    def __init__(self, logs):
        self.logs = logs
        self.running = set()
        self.lock = threading.Lock()
        self.stopped = False

    def stop(self):
        """For a signal handler: takes no lock, since what it interrupted may hold it."""
        self.stopped = True
        for process in list(self.running):
            kill_namespace(process)

    def run(self, job):
        try:
            self.run_contained(job)
        except Exception as e:  # the run goes on, and fails
            job.results = tap.Results()
            job.results.failed.append('cannot be run: %s' % e)

    def run_contained(self, job):
        scratch = tempfile.mkdtemp(prefix='gantry-test-')
        environment = {**os.environ, 'GANTRY_SOURCE_DIR': SOURCE, 'GANTRY_BUILD_DIR': job.build, 'TMPDIR': scratch,
                       'LC_ALL': 'C.UTF-8', 'CMOCKA_MESSAGE_OUTPUT': 'TAP', 'PYTHONDONTWRITEBYTECODE': '1',
                       **job.environment}
        log = os.path.join(self.logs, job.name + '.log')
        started = time.monotonic()
        with open(log, 'wb') as out:
            code, timed_out = self.wait(job, out, environment)
        job.took = time.monotonic() - started
        shutil.rmtree(scratch, ignore_errors=True)
        with open(log, encoding='utf-8', errors='replace') as f:
            job.text = f.read()
        job.results = job.judge(code, timed_out)

    def wait(self, job, out, environment):
        command = ['unshare', '--pid', '--fork', '--kill-child=KILL', '--mount-proc', 'bash', CONTAIN] + job.command
        with self.lock:
            if self.stopped:
                return 130, False
            process = subprocess.Popen(command, cwd=SOURCE, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            self.running.add(process)
        if self.stopped:  # in between
            kill_namespace(process)
        try:
            code = process.wait(job.seconds)
            return (code if code >= 0 else 128 - code), False
        except subprocess.TimeoutExpired:
            kill_namespace(process)
            process.wait()
            return 137, True
        finally:
            with self.lock:
                self.running.discard(process)

    def run_all(self, jobs, at_a_time, done):
        """Runs the jobs, `at_a_time` of them side by side; those that must be alone come last, one by one."""
        queue = [j for j in jobs if not j.alone]

        def work():
            while True:
                with self.lock:
                    if not queue or self.stopped:
                        return
                    job = queue.pop(0)
                self.run(job)
                done(job)

        threads = [threading.Thread(target=work) for _ in range(at_a_time)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for job in jobs:
            if job.alone and not self.stopped:
                self.run(job)
                done(job)


def kill_namespace(process):
    """Ends process 1 of the namespace that `unshare` made: unshare returns when all in it are gone. Before there is
    one, unshare itself."""
    try:
        with open('/proc/%d/task/%d/children' % (process.pid, process.pid), encoding='ascii') as f:
            children = [int(pid) for pid in f.read().split()]
        for pid in children or [process.pid]:
            os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass
