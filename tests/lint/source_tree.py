# SPDX-License-Identifier: Apache-2.0
"""The files of the tree for the tests beside this file, C text without comments or strings, and TAP output."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def files(*endings):
    """Paths from the root, sorted; build folders and what git ignores by its dot are left out."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        if folder == ROOT:
            folders[:] = [f for f in folders if not f.startswith('build')]
        folders[:] = [f for f in folders if f == '.ci' or not f.startswith('.') and f != '__pycache__']
        found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names if n.endswith(endings)]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8', errors='replace') as f:
        return f.read()


def code(path, strings=False):
    """The text of a C file without comments, with or without its string literals; line numbers stay."""
    def replace(match):
        token = match.group(0)
        if token[0] == '/':
            return '\n' * token.count('\n') or ' '
        return token if strings else token[0] * 2

    return TOKEN.sub(replace, read(path))


def find(pattern, text, path):
    """'path:line: match' for each place where the pattern is found."""
    return ['%s:%d: %s' % (path, text.count('\n', 0, m.start()) + 1, m.group(0).strip())
            for m in re.finditer(pattern, text)]


def report(checks):
    """Runs named checks, each a function that returns a list of complaints, and ends the program."""
    print('1..%d' % len(checks))
    failed = 0
    for number, (name, check) in enumerate(checks, 1):
        complaints = check()
        for complaint in complaints:
            print('# ' + complaint)
        print('%sok %d - %s' % ('not ' if complaints else '', number, name), flush=True)
        failed += bool(complaints)
    sys.exit(1 if failed else 0)
