"""What has to be on the disk of a container that has nothing yet."""
import os
import re
import shutil
import subprocess
import tempfile


def _out(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout


def _stripped(path):
    with tempfile.NamedTemporaryFile(prefix='bench.') as f:
        done = subprocess.run(['strip', '-o', f.name, path], stderr=subprocess.DEVNULL)
        return os.path.getsize(f.name if done.returncode == 0 else path)


def ours(build):
    """Both programs: the static ones (one file) where `make static` has made them, else with their
    libraries."""
    static = [os.path.join(build, 'static', 'bin', n) for n in ('supervisord', 'supervisorctl')]
    if all(map(os.path.exists, static)):
        return sum(map(os.path.getsize, set(map(os.path.realpath, static))))
    programs = [os.path.join(build, 'bin', n) for n in ('supervisord', 'supervisorctl')]
    libraries = {os.path.realpath(m) for p in programs
                 for m in re.findall(r'(/\S+) \(0x', _out('ldd', p))}
    return sum(map(_stripped, programs)) + sum(map(os.path.getsize, libraries))


def supervisor():
    """Debian's package with all it depends on, without what every Debian has, but for the C library."""
    todo, seen, kib = ['supervisor'], set(), 0
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        fields = _out('dpkg-query', '-W', '-f',
                      '${Installed-Size}|${Essential}|${Pre-Depends}, ${Depends}', name).split('|')
        if len(fields) < 3 or not fields[0].isdigit() or (fields[1] == 'yes'):
            continue
        kib += int(fields[0])
        for wanted in '|'.join(fields[2:]).split(','):
            first = wanted.split('|')[0].split('(')[0].split(':')[0].strip()
            if first:
                todo.append(first)
    return kib * 1024


def measure(bench):
    bench.note('ours', 'disk', ours(bench.build))
    if shutil.which('dpkg-query') and supervisor():
        bench.note('supervisor', 'disk', supervisor())
