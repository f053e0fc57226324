"""200 workers, clients that never rest, and a daemon that is killed again and again: at random moments,
and at the very places where it hurts (base/fault_point.h).

Everything is random, from one seed: it is told with a failure, and SIEGE_SEED repeats it (see
`survive` beside this file). What is expected after each round is written down in Siege.complaints().
"""
import collections
import contextlib
import http.client
import os
import random
import re
import signal
import threading
import time

from e2elib import (Failed, Proc, check, descendants, has, nobody_ids,
                    proc_environ, proc_status, read_file, same, story, write_file)

MANY = 'process_name=%(program_name)s_%(process_num)02d'
STEADY, CHATTY, FORMAL, BURST, CRASH, OPS, SLOW, HARD, FLIP, EXTRA = 80, 30, 8, 4, 30, 28, 10, 2, 3, 3
NEVER_TOUCHED = ('steady', 'guest', 'chatty', 'formal', 'burst')
SPEAKERS = ('guest', 'chatty', 'formal', 'burst')

# Where, and how often it may be passed before: drawn anew for each round.
PLACES = {
    'spawn.pipes': 20, 'spawn.cloned': 20, 'spawn.recorded': 20, 'spawn.returned': 20,
    'stop.noted': 12, 'stop.signalled': 12, 'stop.killed': 1,
    'rotate.rename': 60, 'rotate.shifted': 4,
    'reload.groups': 2, 'reload.item': 200, 'reload.applied': 2,
    'state.half': 600, 'state.written': 600, 'act.noted': 300, 'turn.changed': 300, 'turn.noted': 300,
    'act.unpublished': 300, 'vault.half': 40, 'vault.written': 40,
    'log.looked': 4, 'log.moved': 4000, 'spool.taken': 800, 'spool.aimed': 800, 'spool.done': 800,
    'spool.moved': 2, 'spool.trimmed': 2,
    'reap.told': 15, 'reap.taken': 15, 'reap.noted': 15, 'adopt.next': 180,
    'upgrade.exec': 1, 'upgrade.begun': 1, 'upgrade.adopted': 1,
}

FORMED = re.compile(rb'^\d{4}-\d\d-\d\dT[\d:.]+Z formal_\d\d (line \d+\n)', re.M)

# What an order may be answered while an earlier one, not waited for, is still under way.
REFUSALS = ('ALREADY_STARTED', 'NOT_RUNNING', 'ABNORMAL_TERMINATION')


def program_of(name):
    return name.partition(':')[0]


def look_at(pid):
    """Returns None when the process has just exited."""
    try:
        p = Proc(pid)
    except (OSError, ValueError):
        return None
    return p if p.state != 'Z' and p.name == 'worker' else None


# ---- what the workers themselves say

class Lines:
    """The log of one chatty worker, looked at from where the last look ended. Used only
    while the daemon is dead, so nothing rotates the file."""

    def __init__(self, path):
        self.path = path
        self.known, self.offset = None, 0
        self.count = 0
        self.rest = b''

    def files(self):
        """Oldest first; a kill may have left a number out, or the last name."""
        folder, base = os.path.split(self.path)
        found = []
        for name in os.listdir(folder):
            if name == base:
                found.append((0, name))
            elif name.startswith(base + '.') and name[len(base) + 1:].isdigit():
                found.append((int(name[len(base) + 1:]), name))
        return [os.path.join(folder, name) for _, name in sorted(found, reverse=True)]

    def look(self):
        files = self.files()
        if self.known is not None:
            while files and not self.is_known(files[0]):
                files.pop(0)
            check(files, f'{self.path}: what was looked at last is rotated away')
        for at, path in enumerate(files):
            with open(path, 'rb') as f:
                if self.known is not None and at == 0:
                    f.seek(self.offset)
                self.take(path, f.read())
                self.offset = f.tell()
                f.seek(0)
                self.known = os.fstat(f.fileno()).st_ino, f.readline()

    def bare(self, path, text):
        """Without stamp and name, where they are put before each line."""
        if 'formal' not in path:
            return text
        strange = FORMED.sub(b'', text)
        check(not strange, f'{path}: no line of that form: {strange[:200]!r}')
        return b''.join(FORMED.findall(text))

    def is_known(self, path):
        """Inodes are used again: the first line must be the same, as far as it was there."""
        inode, line = self.known
        with open(path, 'rb') as f:
            return os.fstat(f.fileno()).st_ino == inode and f.readline().startswith(line)

    def take(self, path, data):
        data = self.rest + data
        end = data.rfind(b'\n') + 1
        whole, self.rest = self.bare(path, data[:end]), data[end:]
        fresh = whole.count(b'\n')
        first = self.count + 1
        expected = b''.join([b'line %d\n' % n for n in range(first, first + fresh)])
        self.count += fresh
        if whole != expected:
            pairs = zip(whole.splitlines(), expected.splitlines())
            bad = next(((got, exp) for got, exp in pairs if got != exp), None)
            raise Failed(f'{path}: a line is {bad[0]!r} and should be {bad[1]!r}')


class Diary:
    """Begins and ends, as a worker writes them: never two at once."""

    def __init__(self, path):
        self.name = os.path.basename(path)
        self.lives = []  # pids in order
        for line in read_file(path).splitlines():
            what, pid = line.split()
            if what == 'begin':
                if self.lives and not self.over:
                    raise Failed(f'{self.name}: two at once: {self.tail(path)}')
                self.lives.append(int(pid))
                self.over = False
            else:
                if not self.lives or self.lives[-1] != int(pid):
                    raise Failed(f'{self.name}: pid {pid} has ended after others began: {self.tail(path)}')
                self.over = True

    @staticmethod
    def tail(path):
        return read_file(path).splitlines()[-6:]


# ---- clients

class Client:
    """Gives orders as fast as they are answered, and knows what was answered."""

    def __init__(self, siege, turn):
        self.siege, self.d, self.turn = siege, siege.d, turn
        self.rng = random.Random(siege.rng.random())
        self.halt = False
        self.trouble = None
        self.answers = 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.halt:
            try:
                self.turn(self)
                self.answers += 1
            except (OSError, http.client.HTTPException, ValueError) as e:
                if not self.siege.may_die:
                    self.trouble = Failed(f'a request was not answered: {e!r}')
                return
            except Exception as e:
                self.trouble = e
                return

    def order(self, names):
        name = self.rng.choice(names)
        what = self.rng.choice(['start', 'stop', 'restart'])
        wanted = self.siege.wanted
        wanted.pop(name, None)
        a = self.d.order(name, what, None, wait=self.rng.random() < 0.5)
        if 'state' in a:
            wanted[name] = 'STOPPED' if what == 'stop' else 'RUNNING'
        else:
            check(a.get('code') in REFUSALS, f'{what} {name} was answered {a}')

    def end(self):
        self.halt = True
        self.thread.join()
        if self.trouble:
            raise self.trouble


def quick_orders(client):
    client.order(client.siege.ops)


def slow_orders(client):
    siege, dice = client.siege, client.rng.random()
    if dice < 0.03:
        client.order(siege.hard)
    elif dice < 0.5:
        client.order(siege.slow)
    elif dice < 0.75:
        n, siege.replicas = client.rng.randrange(1, 8), None
        client.d.scale('fleet', None, replicas=n)
        siege.replicas = n
    else:
        siege.write_config(siege.variant + 1)
        client.d.reload()


# ---- the siege

class Siege:
    def __init__(self, c):
        self.c = c
        self.seed = int(os.environ.get('SIEGE_SEED') or random.SystemRandom().randrange(1 << 30))
        self.rng = random.Random(self.seed)
        self.how = 'the first start'
        self.round = 0
        self.wanted, self.replicas, self.variant = {}, None, 0
        self.may_die = False
        self.reaped = {}       # pid -> when
        self.deaths = []       # of the daemon: [when it was last seen alive, until when it was away, how]
        self.looked = self.alive = time.monotonic()
        self.kinds = collections.Counter()
        self.diaries = c.path('diaries')
        os.mkdir(self.diaries)
        os.chmod(self.diaries, 0o777)
        c.use_fault_points()
        self.d = c.daemon(self.text(), start=False)

    def names(self, program, count, first=0):
        return [f'{program}:{program}_{i:02d}' for i in range(first, first + count)]

    def text(self):
        c, worker = self.c, self.c.worker
        diary = f'{worker} diary {self.diaries}/%(program_name)s_%(process_num)02d'
        rotating = ['stdout_logfile_maxbytes=200KB', 'stdout_logfile_backups=60']

        def many(name, count, command, *lines):
            return c.program(name, command, f'numprocs={count}', MANY, 'startsecs=0', *lines)
        guests = many('guest', 6, ' lines 100000000 5', 'user=nobody') if os.getuid() == 0 else ''
        text = (guests + many('steady', STEADY, ' sleep')
                + many('chatty', CHATTY, ' lines 100000000 2', *rotating)
                + many('formal', FORMAL, ' lines 100000000 20 20', 'stdout_format=text', *rotating)
                + many('burst', BURST, ' lines 100000000 10 200', *rotating)
                + many('crash', CRASH, f'{diary} 300 0', 'restart_delay=100ms',
                       'restart_delay_factor=1')
                + many('op', OPS, f'{diary} 0 0', 'stopwaitsecs=60')
                + many('slow', SLOW, f'{diary} 0 150', 'stopwaitsecs=60')
                + many('hard', HARD, ' ignore-term', 'stopwaitsecs=1')
                + c.program('fleet', ' sleep', MANY, 'startsecs=0')
                + many('flip', FLIP, ' sleep', f'environment=VARIANT="{self.variant}"'))
        if self.variant % 2:
            text += many('extra', EXTRA, ' sleep')
        return text

    def write_config(self, variant):
        """Replaces the file at once, because other processes may read it at any moment."""
        path, self.variant = self.d.conf, variant
        self.d.conf = f'{path}.new'
        self.d.configure(self.text())
        os.rename(self.d.conf, path)
        self.d.conf = path

    # -- the daemon's life

    def launch(self, fault):
        env = dict(os.environ)
        env.pop('SUPERVISORD_FAULT', None)
        if fault:
            env['SUPERVISORD_FAULT'] = fault
        self.d.launch(env=env)

    def is_dead(self):
        before = time.monotonic()
        if self.d.popen.poll() is not None:
            return True
        self.alive = before
        return False

    def has_died(self):
        """The daemon died of its fault point."""
        self.d.killed = signal.SIGKILL
        self.d.wait_end()

    def wait_up(self):
        """Returns False when the daemon died of its fault point before it answered."""
        self.c.wait(lambda: self.is_dead() or self.d.answers(), 'the daemon answers or dies')
        if not self.is_dead():
            return True
        same(self.d.popen.returncode, -signal.SIGKILL,
             f'how the daemon ended at its start ({self.d.stderr()[-500:]!r})')
        return False

    def begin(self):
        self.launch(None)
        check(self.wait_up(), 'the first start')
        self.ops = self.names('op', OPS)
        self.slow = self.names('slow', SLOW)
        self.hard = self.names('hard', HARD)
        self.calm()
        self.c.wait(lambda: all(p['pid'] for n, p in self.table().items()
                                if program_of(n) in NEVER_TOUCHED), 'all are started')
        table = self.table()
        self.fixed = {n: p['pid'] for n, p in table.items() if program_of(n) in NEVER_TOUCHED}
        self.lines = [Lines(table[n]['stdout']['logfile']) for n in table
                      if program_of(n) in SPEAKERS]
        if os.getuid() == 0:
            same(proc_status(self.fixed['guest:guest_00'])['Uid'].split()[0],
                 str(nobody_ids()[0]), 'user of a guest')

    def table(self):
        return {p['name']: p for p in self.d.processes()}

    # -- the parent of those whose daemon died

    def zombies(self):
        return [p.pid for p in descendants(os.getpid())
                if p.state == 'Z' and p.ppid == os.getpid() and p.pid != self.d.popen.pid]

    def reap(self, pids):
        for pid in pids:
            self.reaped[pid] = time.monotonic()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    # -- what is expected

    def complaints(self, table):
        """The differences between what is and what should be."""
        said = []
        pids = [p['pid'] for p in table.values() if p['pid']]
        doubles = [pid for pid, n in collections.Counter(pids).items() if n > 1]
        if doubles:
            said.append(f'pids that two names have: {doubles}')
        for name, pid in self.fixed.items():
            now = table.get(name)
            if not now or now['pid'] != pid or now['state'] != 'RUNNING':
                said.append(f'{name} had pid {pid} and is {now and (now["state"], now["pid"])}')
        for name, state in self.wanted.items():
            if table[name]['state'] != state:
                said.append(f'{name} is {table[name]["state"]}, ordered was {state}')
        fleet = [n for n in table if program_of(n) == 'fleet']
        if self.replicas is not None and len(fleet) != self.replicas:
            said.append(f'fleet has {len(fleet)}, ordered was {self.replicas}')
        return said + self.complaints_of_config(table) + self.complaints_of_reality(table)

    def complaints_of_config(self, table):
        said = []
        extra = sum(program_of(n) == 'extra' for n in table)
        if extra != self.variant % 2 * EXTRA:
            said.append(f'extra has {extra} processes in variant {self.variant}')
        for n in self.names('flip', FLIP):
            pid = table[n]['pid']
            with contextlib.suppress(OSError):
                if not pid or proc_environ(pid).get('VARIANT') != str(self.variant):
                    said.append(f'{n} is not of variant {self.variant}')
        return said

    def complaints_of_reality(self, table):
        """Leaves out workers that come and go by themselves; their diaries are checked instead."""
        live = {p.pid for p in descendants(os.getpid()) if p.name == 'worker' and p.state != 'Z'}
        known = {p['pid'] for n, p in table.items() if p['pid'] and program_of(n) != 'crash'}
        strange = [str(p) for p in map(look_at, live - known)
                   if p and f'{self.diaries}/crash_' not in p.command()]
        said = [f'not in the table: {strange}'] if strange else []
        if known - live:
            said.append(f'not there: {known - live}')
        return said

    def calm(self):
        seen = []

        def look():
            seen[:] = self.complaints(self.table())
            return not seen
        if not hasattr(self, 'fixed'):
            self.fixed = {}
        self.c.wait(look, 'all is as ordered', lambda: '; '.join(seen)[:1500])

    def check_crashes(self, table):
        """Each end was noticed once, and its code is the right one."""
        for name in self.names('crash', CRASH):
            p = table[name]
            lives = Diary(f'{self.diaries}/{name.partition(":")[2]}').lives
            if p['state'] != 'RUNNING' or p['pid'] not in lives:
                continue
            n = len(lives) - 1 - lives[::-1].index(p['pid'])  # the kernel counts round
            same(p['restarts'], n, f'restarts of {name} (its life number {n + 1})')
            if n > 0:
                self.check_code(name, lives[n - 1], p['exit'])

    def check_code(self, name, pid, how):
        if how['code'] == 10 + pid % 100:
            return
        has(how['text'], 'unknown (ended while unsupervised)', f'exit of {name} (pid {pid})')
        when = self.reaped.get(pid, 0)
        if when < time.monotonic() - 60:
            raise Failed(f'the daemon itself has reaped {name} (pid {pid}), and does not know how it ended')
        if not any(died - 0.5 <= when <= back for died, back, _ in self.deaths):
            raise Failed(f'the end of {name} (pid {pid}) was not known, though the kernel knew it')

    # -- one round

    def draw(self):
        """Chooses how the daemon is to die."""
        dice = self.rng.random()
        fault = ''
        if dice < 0.6:
            place = self.rng.choice(list(PLACES))
            fault = f'{place}:{self.rng.randint(1, PLACES[place])}'
        if self.rng.random() < 0.3:
            fault += ',no-pidfd-info' if fault else 'no-pidfd-info'
        return fault

    def storm(self, fault):
        """Gives orders until the daemon dies or is killed."""
        self.may_die = True
        clients = [Client(self, quick_orders), Client(self, slow_orders)]
        limit = time.monotonic() + (0.6 if ':' in fault else self.rng.random() * 0.3)
        if 'upgrade' in fault:
            self.d.send(signal.SIGUSR1)
        while time.monotonic() < limit and not self.is_dead():
            time.sleep(0.005)
        self.has_died() if self.is_dead() else self.d.kill()
        for client in clients:
            client.end()

    def turn(self, number):
        self.round = number
        fault = self.draw()
        prompt = 'no-pidfd-info' not in fault and self.rng.random() < 0.4
        self.how = fault or 'a random moment'
        self.launch(fault)
        if self.wait_up():
            if self.deaths:
                self.deaths[-1][1] = time.monotonic()
            reaper = Reaper(self) if prompt else None
            try:
                self.kinds['killed'] += 1
                self.stand(fault)
            finally:
                if reaper:
                    reaper.end()
        else:
            self.kinds['at its start'] += 1
            self.has_died()
        self.deaths.append([self.alive, float('inf'), self.how])
        del self.deaths[:-5]
        self.look()

    def stand(self, fault):
        try:
            self.may_die = True
            self.calm()
            ended = self.zombies()
            table = self.table()
            self.check_crashes(table)
            self.reap(set(ended) - {p['pid'] for p in table.values()})
        except (OSError, http.client.HTTPException):
            if not self.c.wait(self.is_dead, 'the daemon has died'):
                raise
        if self.is_dead():
            self.has_died()
        else:
            self.storm(fault)

    # -- the same with upgrades, which no client may notice

    def upgrade(self, how):
        """Waits until the daemon is its next image, or has refused the upgrade."""
        started = len(self.d.lines('supervisord started with pid'))
        if how == 'a binary that refuses':
            a = self.d.post('/v1/upgrade', {'binary': self.refuses}, 422)
            same(a['code'], 'CANT_UPGRADE', 'answer')
            return
        if how == 'a binary that fails':
            back = len(self.d.lines('did not begin to supervise'))
            self.d.post('/v1/upgrade', {'binary': self.fails}, 202)
            self.d.wait_log('did not begin to supervise', back + 1)
        elif how == 'a signal':
            self.d.send(signal.SIGUSR1)
        else:
            self.d.post('/v1/upgrade', status=202)
        self.d.wait_log('supervisord started with pid', started + 1)

    def upgrade_turn(self, number):
        self.round = number
        self.how = self.rng.choice(['a signal', 'an order', 'an order', 'a binary that refuses',
                                    'a binary that fails'])
        clients = [Client(self, quick_orders), Client(self, slow_orders)]
        time.sleep(self.rng.random() * 0.2)
        self.upgrade(self.how)
        time.sleep(self.rng.random() * 0.1)
        for client in clients:
            client.end()
            check(client.answers > 0, 'nothing was answered')
        self.calm()
        self.check_crashes(self.table())

    def upgrades(self, count):
        self.refuses = write_file(self.c.path('refuses'), '#!/bin/sh\nexit 5\n', 0o755)
        self.fails = write_file(self.c.path('fails'), f'#!/bin/sh\ntest "$1" = --check && exec {self.c.supervisord} "$@"\n'
                                f'exec {self.c.supervisord} "$@" --minfds nonsense\n', 0o755)
        for n in range(count):
            if n % 10 == 9 or time.monotonic() > self.looked + 10:
                self.d.kill()
                self.look()
                self.launch(None)
                check(self.wait_up(), 'a start in between')
                self.calm()
            self.upgrade_turn(n)
        same(self.d.lines('reaped unknown pid'), [], 'children that a later image did not know')
        self.d.kill()

    # -- the whole

    def look(self):
        """Before the oldest of them are rotated away."""
        for log in self.lines:
            log.look()
        self.looked = time.monotonic()

    def kills(self, count):
        self.d.kill()
        for n in range(count):
            self.turn(n)

    def run(self, rounds, count):
        try:
            self.begin()
            rounds(self, count)
            self.end()
        except Exception as e:
            kind = '' if isinstance(e, Failed) else f'{type(e).__name__}: '
            raise Failed(f'{kind}{e} [round {self.round}: {self.how}; again with '
                         f'SIEGE_SEED={self.seed}]\n{self.story_of(str(e))}') from e

    def story_of(self, text):
        """What the main log says about those that the complaint names, and about the daemon."""
        named = re.findall(r'(?:crash|op|slow|hard|flip|fleet|extra|steady|chatty|burst)_\d+', text)
        words = named[:3] + ['supervisord', 'configuration', 'without its logs', 'set aside', 'CRIT', 'ERRO']
        said = [line for line in self.d.log().splitlines() if any(w in line for w in words)]
        return '\n'.join(said[-60:])

    def end(self):
        self.how = 'the end'
        self.launch(None)
        check(self.wait_up(), 'the last start')
        self.calm()
        same(self.d.lines('without its logs'), [], 'workers adopted without logs')
        self.d.stop()
        self.look()
        for log in self.lines:
            check(log.count > 50, f'{log.path} has {log.count} lines')
        self.reap(self.zombies())


class Reaper:
    """A parent that reaps at once. Then only PIDFD_GET_INFO tells how a worker ended."""

    def __init__(self, siege):
        self.siege, self.halt = siege, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.halt:
            self.siege.reap(self.siege.zombies())
            time.sleep(0.03)

    def end(self):
        self.halt = True
        self.thread.join()


# ---- single places

def dies_at(c, d, place):
    """The daemon is started, and dies at that place before it answers."""
    d.launch(env=dict(os.environ, SUPERVISORD_FAULT=place))
    d.killed = signal.SIGKILL
    d.wait_end()


@story(nobody=True)
def a_changed_configuration_is_not_forgotten_by_a_daemon_killed_at_its_start(c):
    c.use_fault_points()
    first = c.program('a', ' sleep', 'environment=A="1"') + c.program('b', ' sleep', 'environment=A="1"')
    d = c.daemon(first)
    d.wait_all('RUNNING', 2)
    pids = d.pids()
    d.kill()
    d.configure(first.replace('"1"', '"2"'))
    dies_at(c, d, 'adopt.next:2')
    d.start()
    for name in 'ab':
        p = d.wait_process(name, lambda p: p['pid'] not in (None, pids[name]), 'is restarted')
        c.wait(lambda: proc_environ(p['pid']).get('A') == '2', f'{name} has the new environment')


def kernel_tells_of_the_reaped():
    """PIDFD_GET_INFO, with the exit code: Linux 6.15."""
    return tuple(int(n) for n in re.findall(r'\d+', os.uname().release)[:2]) >= (6, 15)


@story(nobody=True)
def the_exit_of_a_worker_reaped_elsewhere_is_asked_of_the_kernel(c):
    """With an old kernel the exit is not known, and the daemon says so."""
    c.use_fault_points()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'restart_delay=10ms'))
    for fault in ('no-pidfd-info', 'none'):
        d.wait_state('w', 'RUNNING')
        d.kill()
        d.start(env=dict(os.environ, SUPERVISORD_FAULT=fault))
        pid = d.process('w')['pid']
        d.send(signal.SIGSTOP)
        os.kill(pid, signal.SIGINT)
        os.waitpid(pid, 0)
        d.send(signal.SIGCONT)
        how = d.wait_process('w', lambda p: p['pid'] not in (None, pid), 'is restarted')['exit']
        knows = fault == 'none' and kernel_tells_of_the_reaped()
        same((how['signal'], how['text']), ('SIGINT', 'terminated by SIGINT') if knows
             else (None, 'unknown (ended while unsupervised)'), fault)


@story(nobody=True)
def an_exit_counts_once_wherever_a_kill_interrupts_its_handling(c):
    """Above all between the call that reaps, after which the kernel forgets the exit, and the record."""
    c.use_fault_points()
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'restart_delay=10ms', 'autorestart=true'))
    signals = {'reap.told:1': 'SIGINT', 'reap.taken:1': 'SIGHUP', 'reap.noted:1': 'SIGQUIT'}
    for n, (place, name) in enumerate(signals.items(), 1):
        d.wait_state('w', 'RUNNING')
        d.stop()
        pid = d.die_of_an_end('w', getattr(signal, name), place)
        for _ in range(2):  # the instance after the next one has nothing to add
            d.start()
            p = d.wait_restarted('w', pid)
            same((p['exit']['signal'], p['restarts']), (name, 1), place)
            d.kill()
        same(len(d.lines(f'(terminated by {name}')), 1, place)
        d.start()


@story(nobody=True)
def a_shutdown_that_was_cut_short_is_no_order_to_stop(c):
    """A process that was stopped for the shutdown runs again; one that an operator stopped does not."""
    c.use_fault_points()
    d = c.daemon(''.join(c.program(x, ' ignore-term', f'priority={i}', 'startsecs=0', 'stopwaitsecs=1')
                         for i, x in enumerate('abcd')) + c.program('off', ' sleep', 'autostart=true'),
                 start=False)
    d.launch(env=dict(os.environ, SUPERVISORD_FAULT='stop.killed:2'))
    c.wait(d.answers, 'it answers')
    d.wait_all('RUNNING', 5)
    d.order('off', 'stop')
    pids = d.pids()
    d.send(signal.SIGTERM)
    d.killed = signal.SIGKILL
    d.wait_end()
    d.start()
    d.wait_all('RUNNING', 4)
    same(d.process('off')['state'], 'STOPPED', 'what was stopped by order')
    same([d.pids()[x] for x in 'ab'], [pids[x] for x in 'ab'], 'processes that had not been stopped yet')


def count(otherwise):
    return int(os.environ.get('SIEGE_ROUNDS') or otherwise)


@story(slow=4, busy=True)
def killed_again_and_again(c):
    Siege(c).run(Siege.kills, count(15 if c.asan else 50))


@story(ordinary=True, slow=4, busy=True)
def killed_again_and_again_as_an_ordinary_user(c):
    Siege(c).run(Siege.kills, count(5 if c.asan else 20))


@story(nobody=True, soak=True, slow=40, busy=True)
def killed_a_thousand_times(c):
    Siege(c).run(Siege.kills, count(1000))


@story(nobody=True, slow=4, busy=True)
def upgraded_again_and_again(c):
    Siege(c).run(Siege.upgrades, count(5 if c.asan else 15))


@story(nobody=True, soak=True, slow=10, busy=True)
def upgraded_two_hundred_times(c):
    Siege(c).run(Siege.upgrades, count(200))
