"""What the bench is made of: a place of its own, processes by pid, numbers and their spread.

Nothing here knows a supervisor; contenders.py does. Everything that is started is a descendant of
this process, which is a subreaper: what anybody leaves behind becomes a child and is ended by pid.
"""
import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import statistics
import struct
import subprocess
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36
RECORD = struct.Struct('=IIQQ')  # record.h
UP, DONE = 1, 2
THREAD_STACK_KIB = 16  # what the kernel keeps per thread; page tables are asked for
PATIENCE_S = 120.0

_libc = ctypes.CDLL(None, use_errno=True)


class Trouble(Exception):
    """A measurement that could not be made; the others go on."""


# ---- processes

def become_subreaper():
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl')


def raise_limits():
    """As many descriptors as we may have: 10,000 workers take 30,000 with us. Returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (200000, hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
            return wanted
    return soft


def children_of(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f'/proc/{pid}/task'):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/task/{task}/children') as f:
                found += [int(n) for n in f.read().split()]
    return found


def descendants_of(pid):
    found, todo = [], [pid]
    while todo:
        kids = children_of(todo.pop())
        found += kids
        todo += kids
    return found


def comm(pid):
    with contextlib.suppress(OSError), open(f'/proc/{pid}/comm') as f:
        return f.read().strip()
    return ''


def end_everything():
    """Whatever descends from us and still lives. Supervisors first, or they would start anew."""
    for _ in range(200):
        kids = children_of(os.getpid())
        if not kids:
            return
        for pid in kids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def wait_for(condition, what, seconds=PATIENCE_S, nap=0.005):
    until = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        if time.monotonic() > until:
            raise Trouble(f'waited {seconds:.0f} s in vain: {what}')
        time.sleep(nap)


# ---- what processes cost

def _kib(path, key):
    with contextlib.suppress(OSError), open(path) as f:
        for line in f:
            if line.startswith(key):
                return int(line.split()[1])
    return 0


def memory_of(pids):
    """Bytes: proportional share of all memory, what of it is private and written (the only part that
    the kernel cannot take back without swap), and what the kernel holds for them beside it."""
    pss = dirty = kernel = 0
    for pid in pids:
        pss += _kib(f'/proc/{pid}/smaps_rollup', 'Pss:')
        dirty += _kib(f'/proc/{pid}/smaps_rollup', 'Private_Dirty:')
        kernel += _kib(f'/proc/{pid}/status', 'VmPTE:')
        kernel += THREAD_STACK_KIB * max(1, len(tasks_of(pid)))
    return pss * 1024, dirty * 1024, kernel * 1024


def tasks_of(pid):
    with contextlib.suppress(OSError):
        return os.listdir(f'/proc/{pid}/task')
    return []


def cpu_ns(pids):
    """Time on a core so far, of all threads."""
    total = 0
    for pid in pids:
        for task in tasks_of(pid):
            with contextlib.suppress(OSError), open(f'/proc/{pid}/task/{task}/schedstat') as f:
                total += int(f.read().split()[0])
    return total


def wakeups(pids):
    total = 0
    for pid in pids:
        for task in tasks_of(pid):
            path = f'/proc/{pid}/task/{task}/status'
            total += _kib(path, 'voluntary_ctxt_switches:')
    return total


# ---- the place, and the programs in it

class Bench:
    """One run: where it happens, with what, and what came out of it."""

    def __init__(self, build, quick, keep=False):
        self.build, self.quick, self.keep = os.path.abspath(build), quick, keep
        self.programs = os.path.join(self.build, 'bench')
        self.worker = os.path.join(self.programs, 'worker')
        self.drive_path = os.path.join(self.programs, 'drive')
        self.nothing = os.path.join(self.programs, 'nothing')
        self.top = tempfile.mkdtemp(prefix='bench.')
        self.results = {}
        self.troubles = []
        self.count = 0
        self.nofile = raise_limits()
        become_subreaper()

    def close(self):
        end_everything()
        if not self.keep:
            shutil.rmtree(self.top, ignore_errors=True)

    def place(self, name):
        self.count += 1
        path = os.path.join(self.top, f'{self.count}.{name}')
        os.mkdir(path)
        return path

    def drive(self, *args, env=None, timeout=300):
        argv = [self.drive_path, *map(str, args)]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, **(env or {})}, timeout=timeout)
        if done.returncode != 0:
            raise Trouble(f'drive {args[0]}: {done.stderr.strip()[-300:]}')
        return json.loads(done.stdout)

    def drive_later(self, *args):
        return subprocess.Popen([self.drive_path, *map(str, args)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def note(self, who, what, value):
        """One measurement more of that figure."""
        self.results.setdefault(who, {}).setdefault(what, []).append(value)

    def note_samples(self, who, what, s):
        self.note(who, f'{what}_p50', s['p50'])
        self.note(who, f'{what}_p99', s['p99'])

    def trouble(self, what, why):
        text = f'{what}: {why}'
        if text not in self.troubles:
            self.troubles.append(text)
        print(f'  !! {text}', flush=True)


def answer_of(drive):
    """What a drive_later has measured."""
    out, err = drive.communicate(timeout=300)
    if drive.returncode != 0:
        raise Trouble(f'drive: {err.strip()[-300:]}')
    return json.loads(out)


class Records:
    """The reading end of the FIFO to which workers write their records."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            import fcntl
            fcntl.fcntl(self.fd, 1031, 1 << 20)  # F_SETPIPE_SZ
        self.rest = b''

    def take(self):
        data = self.rest
        with contextlib.suppress(BlockingIOError):
            while True:
                piece = os.read(self.fd, 1 << 20)
                data += piece
        whole = len(data) // RECORD.size * RECORD.size
        self.rest = data[whole:]
        return [RECORD.unpack_from(data, at) for at in range(0, whole, RECORD.size)]

    def wait(self, count, kind=UP, seconds=PATIENCE_S, nap=0.01):
        """So many records of that kind: (pid, ns, value) in the order in which they were written."""
        found = []
        until = time.monotonic() + seconds
        while len(found) < count:
            select.select([self.fd], [], [], 1.0)
            found += [(pid, ns, value) for k, pid, ns, value in self.take() if k == kind]
            if time.monotonic() > until:
                raise Trouble(f'{len(found)} of {count} workers were heard of')
            if len(found) < count:
                time.sleep(nap)  # in batches: hearing them must not take the core from them
        return found

    def each(self, count, seconds=PATIENCE_S):
        """The next records of whatever kind: (kind, (pid, ns, value))."""
        until, left = time.monotonic() + seconds, count
        while left > 0:
            select.select([self.fd], [], [], 1.0)
            for kind, pid, ns, value in self.take():
                left -= 1
                yield kind, (pid, ns, value)
            if time.monotonic() > until:
                raise Trouble(f'{left} of {count} records did not come')
            time.sleep(0.01)

    def close(self):
        os.close(self.fd)


# ---- numbers

def median(values):
    return statistics.median(values)


def spread(values):
    """How far the rounds were apart, as a share of their median."""
    mid = median(values)
    return (max(values) - min(values)) / mid if mid else 0.0


def machine():
    def first(path, key):
        with contextlib.suppress(OSError), open(path) as f:
            for line in f:
                if line.startswith(key):
                    return line.split(':', 1)[-1].strip()
        return '?'
    return {
        'cpu': first('/proc/cpuinfo', 'model name'),
        'cores': os.cpu_count(),
        'memory_gib': round(_kib('/proc/meminfo', 'MemTotal:') / (1 << 20), 1),
        'kernel': os.uname().release,
        'load_before': os.getloadavg()[0],
    }
