# SPDX-License-Identifier: Apache-2.0
"""What CONTRIBUTING.md asks of sources and a grep can see."""
import os
import re

import source_tree

FORBIDDEN = (r'(?<![\w.>])(?:strcpy|strcat|stpcpy|sprintf|vsprintf|gets|alloca|system|popen|atoi|atol|atoll|atof|'
             r'setjmp|longjmp|tmpnam|mktemp|strtok)\s*\(')
FILE_MAX = 800
FUNCTION_MAX = 100
SOURCES = ('.c', '.h')
SCRIPTS = ('.sh', '.py', '.cmake', 'CMakeLists.txt')
VAGUE_NAMES = ('util', 'utils', 'helper', 'helpers', 'misc', 'internal', 'common')


def check_forbidden():
    complaints = []
    for path in source_tree.files(*SOURCES):
        complaints += source_tree.find(FORBIDDEN, source_tree.code(path), path)
    return complaints


def check_licence():
    """The first line, or the second after #!."""
    complaints = []
    for path in source_tree.files(*SOURCES + SCRIPTS) + scripts_without_ending():
        if 'SPDX-License-Identifier: Apache-2.0' not in '\n'.join(source_tree.read(path).split('\n')[:2]):
            complaints.append(path)
    return complaints


def scripts_without_ending():
    return [p for p in source_tree.files('') if '.' not in os.path.basename(p) and source_tree.read(p).startswith('#!')]


def check_file_length():
    complaints = []
    for path in source_tree.files(*SOURCES + SCRIPTS):
        lines = source_tree.read(path).count('\n')
        if lines > FILE_MAX:
            complaints.append('%s has %d lines' % (path, lines))
    return complaints


def check_function_length():
    """scripts/format puts a function's braces, and nothing else's but an initialiser's end, in the first column."""
    complaints = []
    for path in source_tree.files('.c'):
        opened = None
        for number, line in enumerate(source_tree.read(path).split('\n'), 1):
            if line == '{':
                opened = number
            elif line == '}' and opened:
                if number - opened + 1 > FUNCTION_MAX:
                    complaints.append('%s:%d: a function of %d lines' % (path, opened, number - opened + 1))
                opened = None
    return complaints


def check_file_names():
    return [p for p in source_tree.files(*SOURCES) if os.path.basename(p)[:-2] in VAGUE_NAMES]


def check_header_guards():
    """One include guard of the form GANTRY_..._H, never twice in the tree."""
    complaints, seen = [], {}
    for path in source_tree.files('.h'):
        guard = re.search(r'^#ifndef (\w+)\n#define \1$', source_tree.code(path), re.MULTILINE)
        if not guard:
            complaints.append('%s has no include guard' % path)
        elif guard.group(1) in seen:
            complaints.append('%s and %s have the same guard' % (path, seen[guard.group(1)]))
        else:
            seen[guard.group(1)] = path
    return complaints


def check_plugin_folders():
    complaints = []
    folder = os.path.join(source_tree.ROOT, 'plugins')
    for name in sorted(os.listdir(folder)):
        if name == 'kit' or not os.path.isdir(os.path.join(folder, name)):
            continue
        if not re.match(r'^(storage|net|volume|auth|log|ipam)-[a-z0-9]+$', name):
            complaints.append('plugins/%s is not called KIND-NAME' % name)
        for needed in ('CMakeLists.txt', 'README.md'):
            if not os.path.exists(os.path.join(folder, name, needed)):
                complaints.append('plugins/%s has no %s' % (name, needed))
    return complaints


def check_tests_are_registered():
    """A C test that no CMakeLists.txt names, as test_NAME or as NAME in a list, never runs; nor does a fuzz target."""
    words = set()
    for path in source_tree.files('CMakeLists.txt'):
        words.update(re.findall(r'[\w-]+', source_tree.read(path)))
    complaints = []
    for path in source_tree.files('.c'):
        name = os.path.basename(path)[:-2]
        kind = re.match(r'^(test|fuzz)_(.*)$', name)
        if path.startswith('tests/') and kind and name not in words and kind.group(2) not in words:
            complaints.append('%s is in no CMakeLists.txt' % path)
    return complaints


source_tree.report([
    ('no function that overruns, parses badly or runs a shell', check_forbidden),
    ('each source names its licence', check_licence),
    ('no file over %d lines' % FILE_MAX, check_file_length),
    ('no function over %d lines' % FUNCTION_MAX, check_function_length),
    ('file names say what is inside', check_file_names),
    ('headers are guarded', check_header_guards),
    ('every C test is registered', check_tests_are_registered),
    ('a driver is a folder with CMakeLists.txt and README.md', check_plugin_folders),
])
