#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""docs/host-config.md, from the table of fields in engine/container/fields.c and the tests that use their options.

  tests/lint/host_config.py       prints the page
  tests/lint/host_config.py -w    writes it"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PAGE = os.path.join(TOP, 'docs/host-config.md')
TESTS = ['cli_config.sh', 'cli_volumes.sh', 'cli_run.sh', 'cli_dns.sh', 'gantryd_options.sh', 'cli_exec.sh', 'cli_terminal.sh', 'test_net.c']

# What of a test's text shows that it uses the field.
OPTIONS = {
    'Binds': '-v data:/srv', 'NetworkMode': '--network', 'PortBindings': '-p 127.0.0.1', 'AutoRemove': '--rm', 'VolumesFrom': '--volumes-from',
    'CapAdd': '--cap-add', 'CapDrop': '--cap-drop', 'Dns': '--dns ', 'GroupAdd': '--group-add', 'IpcMode': '--ipc', 'OomScoreAdj': '--oom-score-adj',
    'PidMode': '--pid ', 'Privileged': '--privileged', 'ReadonlyRootfs': '--read-only', 'SecurityOpt': '--security-opt', 'Tmpfs': '--tmpfs',
    'UTSMode': '--uts', 'ShmSize': '--shm-size', 'Sysctls': '--sysctl', 'Runtime': '--runtime', 'CpuShares': '--cpu-shares', 'Memory': '-m 64m',
    'NanoCpus': '--cpus', 'CgroupParent': '--cgroup-parent', 'CpuPeriod': '--cpu-period', 'CpusetCpus': '--cpuset-cpus', 'Devices': '--device ',
    'DeviceCgroupRules': '--device-cgroup-rule', 'MemoryReservation': '--memory-reservation', 'MemorySwap': '--memory-swap',
    'MemorySwappiness': '--memory-swappiness', 'PidsLimit': '--pids-limit', 'Ulimits': '--ulimit', 'Mounts': '--mount', 'Init': '--init',
    'LogConfig': '--log-driver', 'DeviceRequests': '--gpus', 'DnsOptions': '--dns-opt', 'DnsSearch': '--dns-search',
}
CLASSES = {
    'EFFECTIVE': 'takes effect',
    'IGNORED': 'accepted and kept, without effect, as in Docker on Linux',
    'REFUSED': 'refused by its name',
}
# Of those that take effect, what their values may not be yet.
NOTES = {
    'RestartPolicy': '`no`; others are refused by name',
    'LogConfig': '`json-file`, `none`; others are refused by name',
    'UsernsMode': '`host` (there is no remapping)',
    'Mounts': '`bind`, `volume`, `tmpfs`; `image` is refused by name',
    'StorageOpt': '`size`, `driver`',
}


def fields(table):
    with open(os.path.join(TOP, 'engine/container/fields.c'), encoding='utf-8') as f:
        text = f.read()
    body = text[text.index('body_field %s[]' % table):]
    return re.findall(r'\{ "(\w+)", BODY_\w+, BODY_(\w+),', body[:body.index('{ 0 }')])


def test_of(field):
    option = OPTIONS.get(field)
    for name in TESTS:
        path = os.path.join(TOP, 'tests/integration', name)
        if option and os.path.exists(path):
            with open(path, encoding='utf-8') as f:
                if option in f.read():
                    return '`%s` in [%s](../tests/integration/%s)' % (option.strip(), name, name)
    return ''


def page():
    lines = ['# HostConfig, field by field', '',
             'What gantryd makes of each member of `HostConfig` in `POST /containers/create`. Written by `tests/lint/host_config.py -w` from the table that',
             'gantryd itself reads requests by; a test compares the two.', '', '| field | gantry | tested by |', '|---|---|---|']
    for name, kind in fields('fields_host_config'):
        note = ': ' + NOTES[name] if name in NOTES else ''
        lines.append('| `%s` | %s%s | %s |' % (name, CLASSES[kind], note, test_of(name)))
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    if sys.argv[1:] == ['-w']:
        with open(PAGE, 'w', encoding='utf-8') as out:
            out.write(page())
    else:
        sys.stdout.write(page())
