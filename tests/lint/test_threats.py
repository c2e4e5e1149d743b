# SPDX-License-Identifier: Apache-2.0
"""tests/threats.tsv: each attack is named once, with a test that is there or with what it waits for."""
import os
import re

import source_tree

WAITS = 'not built yet: '


def rows():
    for number, line in enumerate(source_tree.read('tests/threats.tsv').split('\n'), 1):
        if line and not line.startswith('#'):
            yield number, line.split('\t')


def check_rows():
    complaints, seen = [], set()
    for number, row in rows():
        if len(row) != 3 or not all(row):
            complaints.append('threats.tsv:%d: three columns are wanted' % number)
        elif row[0] in seen:
            complaints.append('threats.tsv:%d: %s stands there twice' % (number, row[0]))
        seen.add(row[0])
    return complaints


def check_tests_exist():
    return ['threats.tsv:%d: there is no tests/%s' % (number, row[2]) for number, row in rows()
            if not row[2].startswith(WAITS) and not os.path.exists(os.path.join(source_tree.ROOT, 'tests', row[2]))]


def check_named_attacks():
    """An attack that a shell test names is a row of the table."""
    known = {row[0] for _, row in rows()}
    complaints = []
    for path in source_tree.files('.sh'):
        if path.startswith('tests/'):
            for name in set(re.findall(r'CVE-\d{4}-\d+', source_tree.read(path))) - known:
                complaints.append('%s names %s, which is not in threats.tsv' % (path, name))
    return sorted(complaints)


source_tree.report([
    ('threats.tsv is well-formed', check_rows),
    ('its tests are there', check_tests_exist),
    ('what tests name is in it', check_named_attacks),
])
