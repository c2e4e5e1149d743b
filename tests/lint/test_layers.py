# SPDX-License-Identifier: Apache-2.0
"""The layer rule of docs/architecture.md, held against the #includes of every file.

    lib <- {core, runtime} <- engine <- api <- programs        plugins: core/include, plugins/kit, lib/{base,json,netlink}
"""
import os
import re

import source_tree

# What the static programs are made of: built with glibc and musl, libc and system calls only.
PLAIN = ['lib/base', 'lib/cgroup', 'lib/logfile', 'lib/rootfs', 'lib/proto']
PLUGIN = ['core/include', 'plugins/kit', 'lib/base', 'lib/json', 'lib/netlink']
ENGINE = ['engine', 'core', 'runtime', 'lib']

# The longest prefix of a file's path counts; its own folder is always allowed.
ALLOWED = {
    'lib': ['lib'],
    'lib/base': [],
    'lib/cgroup': ['lib/base'],
    'lib/logfile': ['lib/base'],
    'lib/rootfs': ['lib/base'],
    'lib/proto': ['lib/base'],
    'core/include': [],
    'core': ['core', 'lib'],
    'runtime': ['runtime', 'lib'],
    'runtime/launch': PLAIN,
    'plugins': PLUGIN,
    'engine': ENGINE,
    'api': ['api'] + ENGINE,
    'programs/gantry': ['lib/base', 'lib/json', 'lib/model'],
    'programs/gantryd': ['api'] + ENGINE,
    'programs/gantry-shim': PLAIN + ['runtime/launch'],
    'programs/gantry-init': ['lib/base'],
    'programs/gantry-worker': ['lib/base', 'lib/json', 'lib/archive', 'lib/rootfs', 'lib/proto'],
    'programs/gantry-tls': ['lib/base', 'lib/proto'],
    'programs/gantry-dns': ['lib/base', 'lib/proto'],
    'programs/gantry-runtime': ['runtime', 'lib'],
    'programs/gantry-plugin-check': ['core', 'lib'],
}
FREE = ['tests', 'bench']  # may use everything
THIRD_PARTY = re.compile(r'json-c/|json\.h|seccomp\.h|sys/capability\.h|netlink/|ltdl\.h|archive|sqlite3|openssl/|zstd|'
                         r'zlib|isa-l|curl/|wslay|systemd/|ldns/|libdevmapper|cmocka')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def below(path, folder):
    return path.startswith(folder + '/')


def unit_of(path):
    """The key of ALLOWED that speaks for a file, and the folder that is the file's own."""
    keys = [k for k in ALLOWED if below(path, k)]
    if not keys:
        return None, None
    key = max(keys, key=len)
    own = '/'.join(path.split('/')[:2]) if key == 'plugins' else key
    return key, own


def includes(path):
    return INCLUDE.findall(source_tree.code(path, strings=True))


def target_of(kind, name):
    """The path in the tree that an #include names; None for the system's."""
    if name.startswith('gantry/'):
        return 'core/include/' + name
    return name if kind == '"' else None


def check_layers():
    complaints = []
    for path in source_tree.files('.c', '.h'):
        if any(below(path, f) for f in FREE):
            continue
        key, own = unit_of(path)
        if not key:
            complaints.append('%s: no layer is known for this folder: tests/lint/test_layers.py' % path)
            continue
        for kind, name in includes(path):
            target = target_of(kind, name)
            if target and not any(below(target, f) for f in ALLOWED[key] + [own]):
                complaints.append('%s may not include "%s"' % (path, name))
    return complaints


def check_from_root():
    """A file in quotes is named from the root, or is made by the build (a name without a slash that no file bears)."""
    complaints = []
    sources = set(source_tree.files('.c', '.h', '.inc'))
    for path in sources:
        if below(path, 'tests/fake-plugins'):  # also built outside of this tree, as an author's own are
            continue
        for kind, name in includes(path):
            if kind == '"' and name not in sources and os.path.dirname(path) + '/' + name in sources:
                complaints.append('%s: "%s" is not written from the root of the tree' % (path, name))
    return complaints


def check_own_header_first():
    complaints = []
    headers = set(source_tree.files('.h'))
    for path in source_tree.files('.c'):
        own = path[:-2] + '.h'
        names = [name for _, name in includes(path)]
        if own in headers and (not names or names[0] != own):
            complaints.append('%s does not include "%s" first' % (path, own))
    return complaints


def shared_headers():
    """Headers that another folder than their own includes."""
    return {name for path in source_tree.files('.c', '.h') for _, name in includes(path)
            if os.path.dirname(name) != os.path.dirname(path)}


def check_third_party():
    """Third-party headers stay in sources and in headers for their own folder alone, and out of what the static programs
    are made of."""
    complaints = []
    shared = shared_headers()
    for path in source_tree.files('.c', '.h'):
        if any(below(path, f) for f in FREE):
            continue
        plain = any(below(path, f) for f in PLAIN + ['runtime/launch', 'programs/gantry-shim', 'programs/gantry-init'])
        for kind, name in includes(path):
            if kind == '<' and THIRD_PARTY.match(name) and (plain or path in shared):
                complaints.append('%s may not include <%s>' % (path, name))
    return complaints


def check_no_driver_is_named():
    """core, engine, api and programs reach drivers by what they declare, never by name. (The SDK names the styles of
    whiteouts in archives, which are formats that several drivers share; the kernel's attributes for them are such, too.)"""
    complaints = []
    for path in source_tree.files('.c', '.h'):
        if path.split('/')[0] in ('core', 'engine', 'api', 'programs'):
            complaints += source_tree.find(r'(?i)\b(?!GTY_WHITEOUT_)(?<!\btrusted\.)(?<!\buser\.)\w*(?:overlay|aufs|devmapper|devicemapper|btrfs|openvswitch|macvlan)\w*',
                                           source_tree.code(path, strings=True), path)
    return complaints


source_tree.report([
    ('what stands higher includes what stands lower, never back', check_layers),
    ('includes are written from the root', check_from_root),
    ('a source includes its own header first', check_own_header_first),
    ('third-party headers stay in sources, and out of the static programs', check_third_party),
    ('core, engine, api and programs name no driver', check_no_driver_is_named),
])
