# SPDX-License-Identifier: Apache-2.0
"""What other tools say of the tree: compilers of the SDK's headers, the formatter, the checkers of scripts."""
import os
import subprocess

import source_tree

COMPILERS = (
    ['gcc', '-std=c11', '-x', 'c'],
    ['clang', '-std=c11', '-x', 'c'],
    ['g++', '-std=c++17', '-x', 'c++'],
)
WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Werror', '-fsyntax-only']


def output_of(command, **options):
    """Lines that a command prints when it fails; an empty list when it succeeds."""
    result = subprocess.run(command, cwd=source_tree.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False, **options)
    if result.returncode == 0:
        return []
    return result.stdout.splitlines() or ['%s: exit %d' % (command[0], result.returncode)]


def check_sdk_headers():
    """An author's plugin includes one header, with a compiler and language of the author's choice."""
    complaints = []
    headers = [p for p in source_tree.files('.h') if p.startswith('core/include/')]
    for header in headers or ['core/include: no header']:
        name = header[len('core/include/'):]
        for compiler in COMPILERS:
            command = compiler + WARNINGS + ['-Icore/include', '-']
            complaints += output_of(command, input='#include <%s>\n' % name)
    return complaints


def check_format():
    return output_of(['scripts/format', '--check'])


def shell_scripts():
    return [p for p in source_tree.files('') if os.path.splitext(p)[1] in ('', '.sh') and
            source_tree.read(p).startswith(('#!/bin/bash', '#!/bin/sh'))]


def check_shell_syntax():
    return [line for path in shell_scripts() for line in output_of(['bash', '-n', path])]


def busybox_scripts():
    return [p for p in source_tree.files('') if source_tree.read(p).startswith('#!/bin/busybox sh')]


def check_shellcheck():
    """Scripts read settings that a file they include sets (SC2154)."""
    command = ['shellcheck', '-S', 'warning', '-f', 'gcc', '-e', 'SC2154']
    complaints = output_of(command + shell_scripts())
    if busybox_scripts():
        complaints += output_of(command + ['-s', 'sh'] + busybox_scripts())
    return complaints


def check_python_syntax():
    complaints = []
    for path in source_tree.files('.py'):
        try:
            compile(source_tree.read(path), path, 'exec')
        except SyntaxError as error:
            complaints.append('%s: %s' % (path, error))
    return complaints


source_tree.report([
    ('each SDK header compiles alone as C11 and as C++17', check_sdk_headers),
    ('sources are as scripts/format writes them', check_format),
    ('shell scripts parse', check_shell_syntax),
    ('shellcheck has no warning', check_shellcheck),
    ('python parses', check_python_syntax),
])
