# SPDX-License-Identifier: Apache-2.0
"""Pages that are written from the sources say what those say."""
import host_config
import source_tree


def check_host_config():
    if source_tree.read('docs/host-config.md') == host_config.page():
        return []
    return ['docs/host-config.md is not what tests/lint/host_config.py -w writes']


def check_every_option_has_a_test():
    return ['tests/lint/host_config.py: no test uses %s (%s)' % (option, field)
            for field, option in host_config.OPTIONS.items() if not host_config.test_of(field)]


source_tree.report([
    ('docs/host-config.md is that of the table of fields', check_host_config),
    ('each option that the page names is used by a test', check_every_option_has_a_test),
])
