"""What a daemon's death and an upgrade leave as it was: counters, names, events that wait."""
import contextlib
import errno
import glob
import http.client
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import xmlrpc.client

from e2elib import (Skipped, UnixTransport, check, descendants, free_port, has, kill, lacks, mount_tmpfs, nobody_ids, read_file, reap_all, same,
                    small_disk, story, write_file)


def succeed(d):
    """Kills the daemon and starts the next instance."""
    d.kill()
    return d.start()


def upgrade(c, d):
    """The daemon becomes its next image."""
    count = len(d.lines('supervisord started with pid'))
    d.send(signal.SIGUSR1)
    d.wait_log('supervisord started with pid', count + 1)
    c.wait(d.answers, 'the next image answers')
    d.upgrades = getattr(d, 'upgrades', 0) + 1
    same(len(d.lines('upgrading: going on as')), d.upgrades, 'what was said before')


def in_files(path):
    return sum(os.path.getsize(name) for name in glob.glob(glob.escape(path) + '*'))


@story(nobody=True)
def ledgers_and_offsets_go_on(c):
    d = c.daemon(c.program('loud', ' lines 100000000', 'stdout_logfile_maxbytes=1MB',
                           'stdout_logfile_backups=100000')
                 + c.program('slow', ' lines 100000000 3', 'stdout_logfile_maxbytes=0')
                 + c.program('mute', ' sleep', 'stdout_logfile_maxbytes=0'))
    d.wait_all('RUNNING', 3)
    d.wait_worker_log('mute', 'ready')
    for n in range(6):
        before = {p['name']: p['stdout'] for p in d.processes()}
        time.sleep(0.05 + 0.03 * n)
        if n % 3 < 2:
            succeed(d)
        else:
            upgrade(c, d)
        for p in d.processes():
            was, now = before[p['name']], p['stdout']
            check(now['read'] >= was['read'] and now['rotations'] >= was['rotations'],
                  f'{p["name"]}: {now} after {was}')
            same(now['logfile'], was['logfile'], 'the generated name')
    for name in ('loud', 'slow', 'mute'):
        d.order(name, 'stop')
        out = d.process(name)['stdout']
        same((out['read'], out['written'], out['dropped']), (in_files(out['logfile']),) * 2 + (0,),
             f'ledger of {name}')
        a = d.get(f'/v1/logs/{name}/stdout?tail=3')
        same(int(a.headers['X-Log-Offset']), out['written'] - 3, f'offset in the stream of {name}')
    same(d.process('mute')['stdout']['written'], len('ready\n'), 'all of a quiet one')
    d.order('mute', 'start')
    d.wait_worker_log('mute', 'ready\nready')
    same(d.process('mute')['stdout']['written'], 2 * len('ready\n'), 'and it goes on')


@story(nobody=True)
def generated_logs_are_spared_by_the_clean_up(c):
    d = c.daemon(c.program('runs', ' sleep') + c.program('off', ' sleep')
                 + c.program('never', ' sleep', 'autostart=false'))
    d.wait_all('RUNNING', 2)
    d.wait_worker_log('off', 'ready')
    d.order('off', 'stop')
    identifier = 'supervisor'
    stray = write_file(f'{d.dir}/stray-stdout---{identifier}-abcdefgh.log', 'of no program')
    names = {(p['name'], s): p[s]['logfile'] for p in d.processes() for s in ('stdout', 'stderr')}
    for how in (succeed, lambda d: upgrade(c, d)):
        how(d)
        check(not os.path.exists(stray), 'a log of no program is removed')
        now = {(p['name'], s): p[s]['logfile'] for p in d.processes() for s in ('stdout', 'stderr')}
        for who in names:
            if who[0] != 'never':
                same(now[who], names[who], f'log of {who}')
        has(read_file(names['off', 'stdout']), 'ready', 'log of a stopped one')
        write_file(stray, 'of no program')
    d.stop()
    d.start()
    check(not os.path.exists(names['off', 'stdout']), 'after a clean stop nothing is spared')


LISTENER = """
import sys
heard = open(sys.argv[1], 'a')
slow = float(sys.argv[2])
import time
while True:
    sys.stdout.write('READY\\n')
    sys.stdout.flush()
    head = dict(x.split(':') for x in sys.stdin.readline().split())
    data = sys.stdin.read(int(head['len'])).split('\\n')[-1]
    heard.write(f"{head['serial']} {head['poolserial']} {data}\\n")
    heard.flush()
    time.sleep(slow)
    answer = 'FAIL' if data.startswith('no') and 'again' not in head and data not in refused else 'OK'
    refused.add(data)
    sys.stdout.write(f'RESULT {len(answer)}\\n{answer}')
    sys.stdout.flush()
"""


def listener(c, name, slow, *lines):
    script = write_file(c.path(f'{name}.py'), LISTENER.replace('import time', 'import time\nrefused = set()'))
    return '\n'.join([f'[eventlistener:{name}]', f'command=/usr/bin/python3 {script} {c.path(name)} {slow}',
                      'events=REMOTE_COMMUNICATION', 'buffer_size=100000', *lines]) + '\n'


def heard(c, name):
    return [line.split(' ', 2) for line in read_file(c.path(name)).splitlines()]


def events_over(c, d, again, rounds, alive):
    """Numbered events while the daemon dies or is exchanged: what was answered is heard."""
    sent, n = [], 0
    for _ in range(rounds):
        for _ in range(random.randint(60, 140)):  # the slow one is behind, and can catch up
            n += 1
            d.rpc().sendRemoteCommEvent('type', f'{"no" if n % 10 == 0 else "yes"}-{n}')
            sent.append(n)
        again()
    for name in alive:
        def missing(name=name):
            return set(sent) - {int(x[2].split('-')[1]) for x in heard(c, name)}
        c.wait(lambda: not missing(), f'{name} has heard everything', lambda: f'not {missing()}; {d.log()[-900:]}')
        seen, doubles = {}, 0
        for serial, poolserial, data in heard(c, name):
            at = (int(serial), int(poolserial))
            same(seen.setdefault(data, at), at, f'{name}: numbers of {data}')
            doubles += 1
        order = [seen[x] for x in sorted(seen, key=lambda x: int(x.split('-')[1]))]
        same(order, sorted(order), f'{name}: numbers in the order of events')
        same(len({x[0] for x in order}), len(order), f'{name}: serials are told once')
        same([x[1] for x in order], list(range(order[0][1], order[0][1] + len(order))), f'{name}: poolserials')
        doubles -= len(seen) + sum(x.startswith('no') for x in seen)
        check(doubles <= rounds, f'{name}: {doubles} given twice')
        d.wait_state(name, 'RUNNING')
    lacks(d.log(), 'UNKNOWN state', 'main log')


def three_listeners(c):
    return (listener(c, 'quick', 0) + listener(c, 'slow', 0.002)
            + listener(c, 'mute', 0, 'stdout_logfile=NONE'))


def restarted(d, pids):
    """Only a listener that a kill has cut off inside a message was restarted."""
    cut = {line.split(': it was cut off')[0].split()[-1] for line in d.lines('it was cut off inside a message')}
    same({n: p for n, p in d.pids().items() if n not in cut}, {n: p for n, p in pids.items() if n not in cut}, 'pids')


@story(nobody=True, slow=2, busy=True)
def events_are_not_lost_when_the_daemon_is_killed(c):
    d = c.daemon(three_listeners(c))
    d.wait_all('RUNNING', 3)
    pids = d.pids()
    events_over(c, d, lambda: succeed(d), 20, pids)
    restarted(d, pids)


@story(nobody=True)
def an_event_comes_at_least_once_wherever_a_kill_interrupts_it(c):
    c.use_fault_points()
    d = c.daemon(listener(c, 'quick', 0))
    d.wait_all('RUNNING', 1)
    pids, tries, taken = d.pids(), 0, set()
    places = ('event.persisted', 'event.sending', 'event.written', 'listener.noted', 'log.moved')
    kills = [(place, nth) for place in places for nth in (1, 2, 3)]
    for place, nth in kills:
        d.kill()
        d.launch(env=dict(os.environ, SUPERVISORD_FAULT=f'{place}:{nth}'))
        d.killed = signal.SIGKILL
        while d.popen.poll() is None:
            # what gets no answer may have been taken all the same
            tries += 1
            with contextlib.suppress(OSError, http.client.HTTPException):
                d.rpc().sendRemoteCommEvent('type', f'yes-{tries}')
                taken.add(f'yes-{tries}')
        d.wait_end()
        d.start()
        d.rpc().sendRemoteCommEvent('type', f'last-{place}-{nth}')
        c.wait(lambda last=f'last-{place}-{nth}': any(x[2] == last for x in heard(c, 'quick')), f'it hears {place}',
               lambda: d.log()[-900:])
        d.wait_all('RUNNING', 1)
    restarted(d, pids)
    seen = {}
    for serial, poolserial, data in heard(c, 'quick'):
        same(seen.setdefault(data, (serial, poolserial)), (serial, poolserial), f'numbers of {data}')
    check(taken <= set(seen), f'not heard: {taken - set(seen)}')
    numbers = [int(x[0]) for x in seen.values()]
    same(numbers, sorted(numbers), 'serials in the order in which events came first')
    same(sorted(int(x[1]) for x in seen.values()), list(range(len(seen))), 'poolserials')
    check(len(heard(c, 'quick')) - len(seen) <= 2 * len(kills), 'an event comes again for a kill only')
    lacks(d.log(), 'UNKNOWN state', 'main log')


@story(nobody=True, slow=2, busy=True)
def events_are_not_lost_over_an_upgrade(c):
    d = c.daemon(three_listeners(c))
    d.wait_all('RUNNING', 3)
    pids = d.pids()
    events_over(c, d, lambda: upgrade(c, d), 8, pids)
    same(d.pids(), pids, 'the same listeners')
    for name in pids:
        said = [x[2] for x in heard(c, name) if not x[2].startswith('no')]
        same(len(said), len(set(said)), f'{name}: nothing comes twice')


HALF = r"""
import os, sys, time
def say(text):
    os.write(1, text)
def line():
    text = b''
    while not text.endswith(b'\n'):
        text += os.read(0, 1) or sys.exit(0)
    return text
say(b'READY\n')
while True:
    head = line()
    body = os.read(0, int(head.rsplit(b'len:', 1)[1]))
    with open(sys.argv[1], 'ab') as f:
        f.write(head)
    say(b'RESU')
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.02)
    say(b'LT 2\nOKREADY\n')
"""


@story(nobody=True)
def half_an_answer_goes_on_over_an_upgrade_and_begins_anew_after_a_kill(c):
    write_file(c.path('half.py'), HALF)
    d = c.daemon(f'[eventlistener:l]\ncommand=/usr/bin/python3 {c.path("half.py")} {c.path("heads")} {c.path("go")}\n'
                 f'events=REMOTE_COMMUNICATION\nstdout_logfile={c.path("log")}\n')
    heads = lambda: read_file(c.path('heads')).splitlines()
    for n, how in enumerate((lambda: upgrade(c, d), lambda: succeed(d))):
        d.wait_state('l', 'RUNNING')
        pid, count = d.process('l')['pid'], len(heads())
        if os.path.exists(c.path('go')):
            os.unlink(c.path('go'))
        d.rpc().sendRemoteCommEvent('x', 'first')
        c.wait(lambda count=count: len(heads()) > count and read_file(c.path('log')).endswith('RESU'), 'half is said')
        how()
        write_file(c.path('go'), '')
        d.rpc().sendRemoteCommEvent('x', 'second')
        c.wait(lambda count=count, n=n: len(heads()) == count + 2 + n, 'it hears the next one', lambda: f'{heads()}')
        same(d.process('l')['pid'] == pid, n == 0, 'the same process')
    same(len(d.lines('l: it was cut off inside a message')), 1, 'lines about it')
    numbers = [h.split()[2] for h in heads()]
    same(numbers, ['serial:0', 'serial:1', 'serial:2', 'serial:2', 'serial:3'], 'events')
    lacks(d.log(), 'UNKNOWN state', 'main log')


@story(nobody=True)
def an_event_that_a_listener_held_when_both_died_is_sent_again(c):
    d = c.daemon(listener(c, 'stuck', 1000) + c.program('w', ' sleep'))
    d.wait_all('RUNNING', 2)
    for n in range(3):
        d.rpc().sendRemoteCommEvent('type', f'yes-{n}')
    c.wait(lambda: heard(c, 'stuck'), 'it hears')
    pid = d.pids()['stuck']
    d.kill()
    kill(pid)
    c.wait_gone(pid)
    reap_all()
    write_file(c.path('stuck.py'), read_file(c.path('stuck.py')).replace('time.sleep(slow)', ''))
    d.start()
    c.wait(lambda: len(heard(c, 'stuck')) == 4, 'it hears them all', lambda: f'{heard(c, "stuck")}')
    same([x[2] for x in heard(c, 'stuck')], ['yes-0', 'yes-0', 'yes-1', 'yes-2'], 'events')
    succeed(d)
    d.rpc().sendRemoteCommEvent('type', 'yes-3')
    c.wait(lambda: len(heard(c, 'stuck')) == 5, 'and the next one', lambda: f'{heard(c, "stuck")}')
    same([int(x[1]) for x in heard(c, 'stuck')], [0, 0, 1, 2, 3], 'poolserials')


# ---- a service manager with a descriptor store

class Manager:
    """What systemd does for a service with Type=notify and FileDescriptorStoreMax=."""

    def __init__(self, c, most=1000):
        self.c, self.most, self.stored, self.said, self.halt = c, most, [], [], False
        self.path = c.path('notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        self.socket.settimeout(0.05)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        self.real = c.supervisord
        c.supervisord = write_file(c.path('as-service'), f'''#!/usr/bin/python3
import os, sys
fds = [int(x) for x in os.environ.pop('GIVEN', '').split()]
high = [os.dup2(fd, 500 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(fds), 1100)
if fds:
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv({self.real!r}, [{self.real!r}] + sys.argv[1:])
''', 0o755)

    def run(self):
        while not self.halt:
            try:
                text, fds, _, _ = socket.recv_fds(self.socket, 65536, 16)
            except socket.timeout:
                continue
            words = dict(x.split('=', 1) for x in text.decode().splitlines())
            self.said.append(words)
            if 'FDSTORE' in words:
                same(words['FDPOLL'], '0', 'a pipe without a writer is stored')
                self.stored += [(words['FDNAME'], fd) for fd in fds]
            if 'FDSTOREREMOVE' in words:
                for name, fd in [x for x in self.stored if x[0] == words['FDNAME']]:
                    self.stored.remove((name, fd))
                    os.close(fd)

    def how(self):
        """How the daemon is started: with the stored descriptors."""
        env = {**os.environ, 'NOTIFY_SOCKET': self.path}
        env.pop('LISTEN_PID', None)
        if self.stored:
            env.update(GIVEN=' '.join(str(fd) for _, fd in self.stored),
                       LISTEN_FDNAMES=':'.join(name for name, _ in self.stored))
        return {'env': env, 'pass_fds': [fd for _, fd in self.stored]}

    def end(self):
        self.halt = True
        self.thread.join()
        self.socket.close()
        for _, fd in self.stored:
            os.close(fd)


def managed(c, story_of, text):
    m = Manager(c)
    try:
        d = c.daemon(text, start=False)
        d.start(**m.how())
        story_of(m, d)
    finally:
        m.end()


TALKER = """
import os, sys, time
open(sys.argv[1], 'w').write(str(os.getpid()))
for n in range(200):
    os.write(1, b'line %d\\n' % n)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.01)
for n in range(200, 1000):
    os.write(1, b'line %d\\n' % n)
os.write(2, b'and good bye\\n')
os._exit(7)
"""


def talker(c, name, *lines):
    script = write_file(c.path('talker.py'), TALKER)
    return c.program(name, f'/usr/bin/python3 {script} {c.path(name)} {c.path("go")}', 'startsecs=0',
                     'autorestart=false', *lines)


def expect_all(c, d, name):
    p = d.wait_state(name, 'EXITED')
    same((p['exit']['code'], p['exit']['text']), (7, 'exit status 7'), f'how {name} ended')
    same(d.worker_log(name), ''.join(f'line {n}\n' for n in range(1000)), f'log of {name}')
    has(d.worker_log(name, 'stderr'), 'and good bye', f'stderr of {name}')
    check(any(f"'{name}' (pid" in x and 'was kept' in x for x in d.lines('ended while')), 'main log')


@story(nobody=True)
def a_service_manager_keeps_what_would_be_lost(c):
    def run(m, d):
        d.wait_all('RUNNING', 3)
        d.wait_worker_log('gone', 'line 199')
        d.wait_worker_log('zombie', 'line 199')
        same(len(m.stored), 3 * 4, 'three pipes and a pidfd of each')
        steady = d.pids()['steady']
        d.kill()
        write_file(c.path('go'), '')
        c.wait_gone(int(read_file(c.path('gone'))))
        c.wait_gone(int(read_file(c.path('zombie'))))
        os.waitpid(int(read_file(c.path('gone'))), 0)
        d.start(**m.how())
        expect_all(c, d, 'gone')
        expect_all(c, d, 'zombie')
        same(d.pids()['steady'], steady, 'the living worker')
        lacks(d.log(), 'is lost', 'main log')
        c.wait(lambda: len(m.stored) == 4, 'no descriptor of another worker is stored')
        d.order('steady', 'stop')
        c.wait(lambda: not m.stored, 'nothing is stored of a worker that has exited', lambda: m.stored)
    managed(c, run, talker(c, 'gone') + talker(c, 'zombie') + c.program('steady', ' sleep'))


@story(nobody=True)
def the_descriptor_store_has_the_pipes_of_each_run(c):
    def run(m, d):
        d.wait_worker_log('gone', 'line 199')
        c.wait(lambda: len(m.stored) == 4, 'three pipes and a pidfd of its second run', lambda: m.stored)
        d.kill()
        write_file(c.path('go'), '')
        c.wait_gone(int(read_file(c.path('gone'))))
        os.waitpid(int(read_file(c.path('gone'))), 0)
        d.start(**m.how())
        expect_all(c, d, 'gone')
        c.wait(lambda: not m.stored, 'no descriptor is stored', lambda: m.stored)
    script = write_file(c.path('talker.py'), TALKER)
    once = c.path('once')
    managed(c, run, c.program(
        'gone', f"/bin/sh -c 'test -e {once} || exec mkdir {once}; "
        f"exec /usr/bin/python3 {script} {c.path('gone')} {c.path('go')}'", 'startsecs=0',
        'restart_delay=10ms', 'exitcodes=7', 'autorestart=unexpected'))


@story(nobody=True)
def the_descriptor_store_is_in_use_over_upgrades(c):
    def run(m, d):
        d.wait_all('RUNNING', 2)
        d.wait_worker_log('gone', 'line 199')
        for _ in range(2):
            upgrade(c, d)
            d.kill()
            d.start(**m.how())
        same(len(m.stored), 2 * 4, 'stored descriptors')
        d.kill()
        write_file(c.path('go'), '')
        c.wait_gone(int(read_file(c.path('gone'))))
        os.waitpid(int(read_file(c.path('gone'))), 0)
        d.start(**m.how())
        expect_all(c, d, 'gone')
        d.rpc().sendProcessStdin('echo', 'hello\n')
        d.wait_worker_log('echo', 'hello')
        d.stop()
        c.wait(lambda: not m.stored, 'nothing is stored after a clean stop', lambda: m.stored)
        same([x for x in m.said if 'STOPPING' in x][-1]['STOPPING'], '1', 'what it said')
    managed(c, run, talker(c, 'gone') + c.program('echo', ' echo'))


@story(nobody=True)
def a_service_manager_without_a_descriptor_store_changes_nothing(c):
    def run(m, d):
        d.wait_all('RUNNING', 1)
        m.stored, stored = [], m.stored
        succeed_by = d.pids()['steady']
        d.kill()
        d.start(**m.how())
        same(d.pids()['steady'], succeed_by, 'adopted all the same')
        same(d.process('steady')['adopted_logs'], True, 'with its logs')
        m.stored = stored
    managed(c, run, c.program('steady', ' sleep'))


@story(nobody=True)
def the_descriptor_store_has_a_fastcgi_socket_that_no_worker_has(c):
    path = c.path('f.sock')
    program = (f'[fcgi-program:f]\ncommand={c.worker} sleep\nsocket=unix://{path}\nautostart=false\n')

    def sockets(m):
        return [name for name, _ in m.stored if name.startswith('socket-')]

    def run(m, d):
        c.wait(lambda: len(sockets(m)) == 1, 'it is stored', lambda: m.stored)
        node = os.stat(path).st_ino
        d.kill()
        with socket.socket(socket.AF_UNIX) as client:  # a client that connects while no daemon runs waits
            client.connect(path)
            d.start(**m.how())
            d.wait_log(f'Going on with socket unix://{path}')
            same(os.stat(path).st_ino, node, 'inode')
            same(len(set(sockets(m))), 1, 'names')
            d.order('f', 'start')
        d.order('f', 'stop')
        was = sockets(m)[0]
        d.configure(program + 'socket_mode=0777\n')  # that makes it another one
        d.kill()
        d.start(**m.how())
        d.wait_log(f'Creating socket unix://{path}', 2)
        c.wait(lambda: sockets(m) and was not in sockets(m), 'the old one is not stored', lambda: m.stored)
        d.kill()
        os.unlink(path)
        d.start(**m.how())
        d.wait_log(f'Creating socket unix://{path}', 3)
        d.stop()
        c.wait(lambda: not sockets(m), 'it goes with a clean stop', lambda: m.stored)
    managed(c, run, program)


# ---- how adopted workers end

def trapper(c, name, *lines):
    """A worker that exits with code 9 on SIGTERM."""
    script = write_file(c.path('trapper'), '#!/bin/sh\ntrap "exit 9" TERM\necho ready\n'
                        'while :; do sleep 0.02; done\n', 0o755)
    return c.program(name, script, 'startsecs=0', 'autorestart=false', *lines)


class Reaper:
    """Waits for every orphan, as a correct process 1 does."""

    def __enter__(self):
        self.halt = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.halt:
            reap_all()
            time.sleep(0.0002)

    def __exit__(self, *why):
        self.halt = True
        self.thread.join()


def ends_of_adopted(c, users, info):
    """The exit codes that a daemon reports of adopted workers: of zombies that are not reaped, and of
    workers that their parent reaps at once."""
    names = [f'{user or "same"}-{how}' for user in users for how in ('zombie', 'reaped')]
    d = c.daemon(''.join(trapper(c, n, *([f'user={n.split("-")[0]}'] if n[:4] != 'same' else []))
                         for n in names), start=False)
    d.start(env={**os.environ, 'SUPERVISORD_FAULT': '' if info else 'no-pidfd-info'})
    d.wait_all('RUNNING', len(names))
    for n in names:
        d.wait_worker_log(n, 'ready')
    pids = d.pids()
    d.kill()
    d.start(env={**os.environ, 'SUPERVISORD_FAULT': '' if info else 'no-pidfd-info'})
    codes = {}
    for n in names:
        if n.endswith('-zombie'):
            kill(pids[n], signal.SIGTERM)
            codes[n] = d.wait_state(n, 'EXITED')['exit']
    reap_all()
    with Reaper():
        for n in names:
            if n.endswith('-reaped'):
                kill(pids[n], signal.SIGTERM)
                codes[n] = d.wait_state(n, 'EXITED')['exit']
        d.popen.returncode = None
        d.send(signal.SIGTERM)
        c.wait_gone(d.pid)
        d.code, d.popen.returncode = 0, 0
    return codes


def known(how):
    return (how['code'], how['signal'], how['text']) == (9, None, 'exit status 9')


def unknown(how):
    return (how['code'], how['signal'], how['text']) == (None, None, 'unknown (ended while unsupervised)')


@story(nobody=True)
def the_exit_codes_of_adopted_workers_are_known(c):
    c.use_fault_points()
    for n, how in ends_of_adopted(c, [None] if os.geteuid() else [None, 'nobody'], True).items():
        check(known(how), f'{n}: {how}')


@story(nobody=True)
def on_an_older_kernel_no_exit_code_is_a_wrong_one(c):
    c.use_fault_points()
    for n, how in ends_of_adopted(c, [None] if os.geteuid() else [None, 'nobody'], False).items():
        check(known(how) or (n.endswith('-reaped') and unknown(how)), f'{n}: {how}')


# ---- another namespace

SAME_NUMBER = 'test -z "$1" || test "$(stat -Lc %i /proc/self/ns/pid)" = "$1" || exit 78; shift; '


def enclosed(d, below, number=''):
    """The daemon in a pid namespace of its own, as its process 1 or below one. `number`: the namespace
    is to have that one again, if the kernel gives it. Returns the number."""
    script = SAME_NUMBER + ('"$@"; exit $?' if below else 'exec "$@"')
    for tries in range(60):
        d.code = d.killed = None
        d.popen = subprocess.Popen(
            ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', script, 'init',
             number if tries < 50 else '', d.case.supervisord, '-n', '-c', d.conf],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        d.pid = d.popen.pid
        d.case.wait(lambda: d.popen.poll() is not None or d.answers(), 'it answers')
        d.code = d.popen.returncode
        if d.code != 78:
            break
        reap_all()        # a zombie holds its namespace,
        time.sleep(0.02)  # and the kernel frees the number somewhat later
    if d.code is not None:
        raise Skipped('no pid namespace here')
    return str(os.stat(f'/proc/{descendants(d.popen.pid)[0].pid}/ns/pid').st_ino)


@story(root=True)
def a_container_that_is_started_again_begins_anew(c):
    for name in ('one', 'below'):
        ran, broken = c.path(f'{name}.ran'), c.path(f'{name}.broken')
        write_file(broken, '')
        d = c.daemon(c.program('once', f'/bin/sh -c "echo x >>{ran}"', 'startsecs=0', 'autorestart=false')
                     + c.program('fatal', f'/bin/sh -c "test -e {broken} && exit 1; exec sleep 1000"',
                                 'startretries=0', 'startsecs=1')
                     + c.program('halted', ' sleep'), name=name, start=False)
        number = ''
        for n in range(1, 4):
            number = enclosed(d, name == 'below', number)
            c.wait(lambda: read_file(ran) == 'x\n' * n, f'{name}: the one-shot runs, time {n}')
            d.wait_state('fatal', 'FATAL' if n == 1 else 'RUNNING')
            d.wait_state('halted', 'RUNNING')
            d.wait_state('once', 'EXITED')
            d.order('halted', 'stop')
            if os.path.exists(broken):
                os.unlink(broken)
            d.kill()
        has(d.log(), 'is of another pid namespace', 'main log')


@story(root=True)
def a_read_only_state_of_another_container_stops_no_daemon(c):
    place = c.path('place')
    os.mkdir(place)
    try:
        mount_tmpfs(place, '4m')
    except OSError as e:
        raise Skipped(f'nothing can be mounted: {e}')
    c.mounts.append(place)
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), supervisord=f'statedir={place}/state', start=False)
    enclosed(d, False)
    d.wait_state('w', 'RUNNING')
    d.kill()
    c.wait(lambda: subprocess.run(['mount', '-o', 'remount,ro', place], stderr=subprocess.DEVNULL).returncode == 0,
           'nothing writes there any more')
    enclosed(d, False)
    d.wait_state('w', 'RUNNING')
    has(d.log(), 'is of another pid namespace: it cannot be removed', 'main log')
    has(d.log(), 'without statedir processes will not survive the death of supervisord', 'main log')
    has(str(state_error(d)), 'Read-only file system', 'info')
    d.kill()


@story(busy=True)
def a_start_at_once_behind_a_kill_succeeds(c):
    d = c.daemon(c.program('w', '/bin/sleep 1000', 'process_name=w_%(process_num)d', 'numprocs=64'),
                 server=f'[inet_http_server]\nport=127.0.0.1:{free_port()}\n')
    d.wait_all('RUNNING', 64)
    pids = d.pids()
    for n in range(15):
        os.kill(d.pid, signal.SIGKILL)
        before, d.killed, d.popen = d.popen, signal.SIGKILL, None
        d.launch()
        before.wait()
        c.wait(d.is_up, f'time {n}: it answers')
        same(d.pids(), pids, 'the workers')
    lacks(d.log(), 'ended while unsupervised', 'main log')


# ---- adoption that is short of something

def nofile(most):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def workers_of(c):
    """Pids of all processes that run the test's worker, also of those that no daemon of this story started."""
    return sorted(p.pid for p in descendants(os.getpid()) if p.state != 'Z' and p.command().startswith(c.worker))


def fleet_with_few_descriptors(c, count, limits):
    d = c.daemon(c.program('w', ' sleep', 'process_name=w_%(process_num)d', f'numprocs={count}',
                           'redirect_stderr=true', 'startsecs=0', f'stdout_logfile={c.path("w_%(process_num)d.log")}'),
                 supervisord='minfds=64')
    d.wait_all('RUNNING', count)
    pids = d.pids()
    for most in limits:
        d.kill()
        d.start(preexec=nofile(most))
        began = time.monotonic()
        same(d.pids(), pids, f'{most}: the workers')
        check(time.monotonic() - began < 5, f'{most}: that took {time.monotonic() - began} s')
        same(workers_of(c), sorted(pids.values()), f'{most}: the workers')
        for pid in pids.values():
            check(d.lines(f"' with pid {pid}, RUNNING") or d.lines(f"' (pid {pid}): Too many open files; it is left alone"),
                  f'{most}: nothing is said of {pid}')
        lacks(d.log(), 'ended while unsupervised', f'{most}: main log')
        os.truncate(d.logfile, 0)
    return d, pids


@story(slow=3)
def a_fleet_is_adopted_with_as_few_descriptors_as_it_was_started_with(c):
    d, pids = fleet_with_few_descriptors(c, 20, (90, 97, 106, 118, 140))
    for name in pids:
        d.order(name, 'stop')


@story(long=True, slow=20)
def a_fleet_is_adopted_with_any_number_of_descriptors(c):
    fleet_with_few_descriptors(c, 20, range(90, 141))


@story(long=True, slow=20)
def a_larger_fleet_is_adopted_with_any_number_of_descriptors(c):
    fleet_with_few_descriptors(c, 64, range(222, 317))


@story
def a_worker_that_cannot_be_watched_is_named_and_looked_at_again(c):
    d = c.daemon(c.program('w', ' sleep', 'process_name=w_%(process_num)d', 'numprocs=40', 'startsecs=0',
                           'redirect_stderr=true', 'autorestart=false'), supervisord='minfds=64')
    d.wait_all('RUNNING', 40)
    pids = d.pids()
    d.kill()
    d.start(preexec=nofile(90))
    left = [name for name in pids if d.lines(f"(pid {pids[name]}): Too many open files; it is left alone")]
    check(0 < len(left) < 40, f'{left} are left alone')
    same(d.pids(), pids, 'the workers')
    kill(pids[left[0]], signal.SIGKILL)       # it is found out, though nothing watches it
    d.wait_state(left[0], 'EXITED')
    d.order(left[1], 'stop')                  # it can be stopped
    d.wait_state(left[1], 'STOPPED')
    for name in [name for name in pids if name not in left][:15]:
        d.order(name, 'stop')                 # and there is room again
    d.wait_log(f"' with pid {pids[left[2]]}, RUNNING")
    ended = [len(d.lines(f'(pid {pids[name]}) ended while unsupervised')) for name in left[:2]]
    check(ended[0] == 1 and ended[1] <= 1, f'ended: {ended}')  # the second one may be held by then


def each_open_fails(c, step):
    shim = f'{c.options.bin}/fail_open.so'
    if c.asan or not os.path.exists(shim):
        raise Skipped('nothing can be preloaded here')
    d = c.daemon(c.program('w', ' sleep', 'process_name=w_%(process_num)d', 'numprocs=2', 'startsecs=0')
                 + c.program('once', ' exit 0', 'startsecs=0', 'autorestart=false'))
    d.wait_all('RUNNING', 2)
    d.wait_state('once', 'EXITED')
    pids, refused = {name: pid for name, pid in d.pids().items() if pid}, 0
    for error in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES):
        for number in range(1 + error % step, 1000, step):
            sign, what = c.path('sign'), f'open {number} with {os.strerror(error)}'
            d.kill()
            d.launch(env=dict(os.environ, LD_PRELOAD=shim, FAIL_OPEN=f'{number} {error}', FAIL_SIGN=sign))
            c.wait(lambda: d.popen.poll() is not None or d.answers(), f'{what}: it answers or has ended')
            if d.popen.returncode is not None:  # it says so, and touches nothing
                refused += 1
                d.code = d.popen.returncode
                check(d.code > 0, f'{what}: ended with {d.code}')
                d.start()
            same(({name: pid for name, pid in d.pids().items() if pid}, workers_of(c)),
                 (pids, sorted(pids.values())), f'{what}: the workers')
            if not os.path.exists(sign):
                break
            os.unlink(sign)
        check(number > 20, f'only {number} opens')
    lacks(d.log(), 'ended while unsupervised', 'main log')
    same(len(d.lines("spawned: 'once'")), 1, 'starts of the one-shot')


@story(slow=6, busy=True)
def any_open_of_an_adoption_may_fail(c):
    each_open_fails(c, 5)


@story(long=True, slow=40)
def each_open_of_an_adoption_may_fail(c):
    each_open_fails(c, 1)


# ---- listeners whose log is not left alone

STEADY = r"""
import os
def line():
    text = b''
    while not text.endswith(b'\n'):
        text += os.read(0, 1) or os._exit(0)
    return text.decode()
while True:
    os.write(1, b'READY\n')
    head = line()
    left = int(head.split('len:')[1].split()[0])
    while left:
        left -= len(os.read(0, left) or os._exit(0))
    with open('told', 'a') as f:
        f.write(head)
    os.write(1, b'RESULT 2\nOK')
"""


def truncate(path):
    os.truncate(path, 0)


def copytruncate(path):
    write_file(path + '.copy', read_file(path))
    os.truncate(path, 0)


def replace(path):
    write_file(path + '.other', 'something else\n' * 100)
    os.rename(path + '.other', path)


def make_anew(path):
    """The new file often has the same inode number."""
    os.unlink(path)
    write_file(path, 'READY\n' * 2000)


@story(nobody=True, slow=3)
def a_listener_stays_in_step_whatever_happens_to_its_log(c):
    write_file(c.path('steady.py'), STEADY)
    ways = (truncate, os.unlink, replace, copytruncate, make_anew)
    text = c.program('c', ' exit 0', 'process_name=c_%(process_num)d', 'numprocs=5', 'startsecs=0',
                     'autorestart=true', 'restart_delay=20ms', 'restart_delay_factor=1')
    for i, way in enumerate(ways):
        os.mkdir(c.path(f'l{i}'))
        text += (f'[eventlistener:l{i}]\ncommand=/usr/bin/python3 {c.path("steady.py")}\nevents=PROCESS_STATE\n'
                 f'directory={c.path(f"l{i}")}\nstdout_logfile={c.path(f"l{i}", "log")}\nbuffer_size=5000\n')
    d = c.daemon(text)
    told = lambda i: read_file(c.path(f'l{i}', 'told')).count('\n')

    def goes_on(when):
        for i, way in enumerate(ways):
            before = told(i)
            c.wait(lambda: told(i) > before + 20, f'l{i} is told of more, {when} ({way.__name__})',
                   lambda: '\n'.join(d.lines(f'l{i}')[-5:]))
    goes_on('at first')
    for dead in (False, True):
        if dead:
            d.kill()
        for i, way in enumerate(ways):
            if os.path.exists(c.path(f'l{i}', 'log')):
                way(c.path(f'l{i}', 'log'))
        if dead:
            d.start()
        goes_on(f'its log changed, dead: {dead}')
        for n in range(2):
            succeed(d)
            goes_on(f'kill {n}')
    lacks(d.log(), 'UNKNOWN state', 'main log')
    for i in range(len(ways)):
        serials = {int(x) for x in re.findall(r'poolserial:(\d+)', read_file(c.path(f'l{i}', 'told')))}
        missing = set(range(max(serials) + 1)) - serials
        check(not missing, f'l{i}: {sorted(missing)[:10]} never came')


@story(busy=True)
def many_waiting_events_do_not_hold_up_an_adoption(c):
    d = c.daemon('[eventlistener:l]\ncommand=/bin/sleep 1000\nevents=REMOTE_COMMUNICATION\nbuffer_size=100000\n'
                 'startsecs=0\n')
    server = xmlrpc.client.ServerProxy('http://localhost', transport=UnixTransport(d.socket, c.patience))
    took = []
    for more in (20000, 60000):
        for n in range(more // 500):
            server.system.multicall([{'methodName': 'supervisor.sendRemoteCommEvent', 'params': ['x', str(i)]}
                                     for i in range(500)])
        d.kill()
        began = time.monotonic()
        d.start()
        took.append(time.monotonic() - began)
    check(took[1] < 2.5, f'until it answered: {took}')  # a quadratic one took 8 seconds
    d.order('l', 'stop')


# ---- a state directory that goes

def state_error(d):
    return d.info()['statedir_error']


@story(nobody=True)
def a_state_directory_that_goes_is_written_anew(c):
    d = c.daemon(c.program('w', ' sleep', 'process_name=w_%(process_num)d', 'numprocs=10', 'startsecs=0',
                           'restart_delay=10ms', 'restart_delay_factor=1')
                 + c.program('once', ' exit 0', 'startsecs=0', 'autorestart=false'))
    d.wait_all('RUNNING', 10)
    d.wait_state('once', 'EXITED')
    pids, state = {n: p for n, p in d.pids().items() if p}, d.info()['statedir']

    def one_file(name):
        return lambda: os.unlink(f'{state}/{name}')

    def moved():
        os.rename(state, c.path('elsewhere'))

    def replaced():
        os.rename(state, c.path('old'))
        with contextlib.suppress(FileExistsError):  # the daemon may have been faster
            os.mkdir(state)
    for way in (lambda: shutil.rmtree(state), moved, replaced, one_file('records'), one_file('texts'),
                one_file('events'), one_file('lock')):
        said = len(d.lines('had gone: written anew'))
        way()
        d.wait_log('had gone: written anew', said + 1)
        same(state_error(d), None, 'what is wrong with it now')
        c.wait(lambda: os.path.exists(f'{state}/ledgers'), 'the ledgers of logs are there again')
        victim = sorted(pids)[0]
        kill(pids[victim], signal.SIGKILL)      # what happens now is in the new one
        pids[victim] = c.wait(lambda: (d.process(victim)['state'] == 'RUNNING'
                                       and d.process(victim)['pid'] != pids[victim] and d.process(victim)['pid']),
                              'it is restarted')
        succeed(d)
        same({n: p for n, p in d.pids().items() if p}, pids, 'the workers')
        same(workers_of(c), sorted(pids.values()), 'the workers')
    same(len(d.lines("spawned: 'once'")), 1, 'starts of the one-shot')
    before = d.processes('w:w_0')[0]['stdout']
    os.unlink(f'{state}/ledgers')
    c.wait(lambda: os.path.exists(f'{state}/ledgers'), 'the ledgers alone are written again')
    succeed(d)
    same(d.processes('w:w_0')[0]['stdout'], before, 'what is known of a log')


@story(nobody=True)
def a_state_directory_that_cannot_be_written_anew_is_shown(c):
    place = c.path('place')
    os.mkdir(place)
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0')
                 + c.program('later', ' sleep', 'startsecs=0', 'autostart=false', 'startretries=0'),
                 supervisord=f'statedir={place}/state')
    d.wait_state('w', 'RUNNING')
    os.rename(place, c.path('other'))
    shutil.rmtree(c.path('other', 'state'))
    c.wait(lambda: state_error(d), 'it is shown')
    has(state_error(d), 'cannot be written anew', 'info')
    has(d.ctl('health')[1], 'statedir: it has gone', 'health')
    same(len(d.lines('it has gone and cannot be written anew')), 1, 'lines about it')
    has(d.ctl('start', 'later')[1], 'later: ERROR (spawn error)', 'a start')
    has(d.process('later')['spawn_error'], f'not started: {place}/state takes no record of', 'why')
    os.rename(c.path('other'), place)
    d.order('later', 'start')
    same(state_error(d), None, 'a start has written it anew')
    pids = d.pids()
    succeed(d)
    same(d.pids(), pids, 'the workers')


@story(root=True)
def a_process_without_room_in_the_state_is_not_started(c):
    disk = small_disk(c, '512k')
    d = c.daemon(c.program('w', ' sleep', 'process_name=w_%(process_num)d', 'numprocs=4', 'numprocs_max=2000',
                           'startsecs=0', 'startretries=0', 'stdout_logfile=NONE', 'stderr_logfile=NONE'),
                 supervisord=f'statedir={disk}/state')
    d.wait_all('RUNNING', 4)
    fill = os.open(f'{disk}/fill', os.O_WRONLY | os.O_CREAT, 0o600)
    with contextlib.suppress(OSError):
        while True:
            os.write(fill, b'x' * 4096)
    os.close(fill)
    d.post('/v1/programs/w/scale', {'replicas': 300}, status=None)
    c.wait(lambda: state_error(d), 'it is shown')
    has(d.log(), 'has no room to note', 'main log')
    d.wait_log('not started: ')
    before = workers_of(c)
    check(len(before) < 300, 'some were not started')
    succeed(d)
    c.wait(lambda: sorted(p for p in d.pids().values() if p) == workers_of(c), 'all that run are known')
    same(len(workers_of(c)), len({n for n, p in d.pids().items() if p}), 'no process runs twice')
    os.unlink(f'{disk}/fill')
    d.post('/v1/programs/w/scale', {'replicas': 4}, status=None)
    c.wait(lambda: len(workers_of(c)) == 4, 'scaled down')


@story(root=True)
def a_state_directory_of_others_is_not_used(c):
    other = c.path('other')
    os.mkdir(other, 0o700)
    os.chown(other, 65534, 65534)
    os.mkdir(c.path('mine'), 0o700)
    os.symlink(c.path('mine'), c.path('link'))
    write_file(c.path('file'), 'x')
    os.mkdir(c.path('open'))
    os.chmod(c.path('open'), 0o770)
    for i, (name, why) in enumerate((('other', 'belongs to another user'), ('link', 'is a link'),
                                     ('file', 'Not a directory'), ('open', None))):
        d = c.daemon(c.program('w', ' sleep', 'startsecs=0'), supervisord=f'statedir={c.path(name)}', name=f'd{i}')
        d.wait_state('w', 'RUNNING')
        if why:
            has(state_error(d), why, 'info')
            has(d.log(), why, 'main log')
            same(os.listdir(c.path('mine')) + os.listdir(other), [], 'what was made there')
        else:
            same((state_error(d), os.stat(c.path(name)).st_mode & 0o777), (None, 0o700), 'its rights now')
        d.stop()


# ---- the state directory in words

def fingerprints(directory):
    """Each file's bytes, mode and time of change; the directory's own, too."""
    found = {'': os.stat(directory).st_mtime_ns}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        with open(path, 'rb') as f:
            stat = os.stat(path)
            found[name] = (f.read(), stat.st_mtime_ns, stat.st_mode, stat.st_ino)
    return found


def dump(c, directory, code=0):
    """What is printed; nothing in the directory changes."""
    before = fingerprints(directory)
    got, out, err = c.run_daemon('--dump-state', directory)
    same(fingerprints(directory), before, 'the state directory after it was printed')
    same(got, code, f'exit code ({err}; {[line for line in out.splitlines() if "damaged" in line]})')
    return out


def as_nobody(c, directory):
    uid, gid = nobody_ids()

    def become():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    done = subprocess.run([c.supervisord, '--dump-state', directory], capture_output=True, text=True,
                          preexec_fn=become, timeout=c.patience, cwd='/')
    return done.returncode, done.stdout, done.stderr


@story
def a_state_directory_in_words(c):
    d = c.daemon(c.program('runs', ' sleep', 'environment=SECRET="hunter2"', 'startsecs=0')
                 + c.program('stopped', ' sleep', 'startsecs=0')
                 + c.program('spools', ' lines 100000000 3', 'startsecs=0', 'stdout_format=json')
                 + '[program:fatal]\ncommand=/nonexistent/program\nstartretries=0\n')
    d.wait_all('RUNNING', 3)
    d.wait_all('FATAL', 1)
    d.ctl('stop', 'stopped')
    state, pid = f'{d.dir}/s.state', d.process('runs')['pid']
    for killed in False, True:
        if killed:
            d.kill()
        text = dump(c, state) if killed else c.run_daemon('--dump-state', state)[1]
        has(text, f'\nfile: lock\npid: {d.pid}\n', 'the dump')
        for name, word, number in (('runs', 'RUNNING', pid), ('stopped', 'STOPPED', 0), ('fatal', 'FATAL', 0)):
            part = text.split(f'\nname: {name}\n')[1].split('\n\n')[0]
            has(part, f'\nstate: {word}\n', name)
            has(part, f'\npid: {number}\n', name)
        has(text, '\nfile: spool-', 'the dump')
        has(text, '\nbytes that wait: ', 'the dump')
        lacks(text, 'hunter2', 'the dump')
        lacks(text, 'damaged', 'the dump')
        if os.geteuid() == 0:
            code, out, err = as_nobody(c, state)
            same((code, out), (2, ''), 'a user that may not read it')
            has(err, state, 'the error')
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        copy = f'{top}/s.state'
        shutil.copytree(state, copy)
        os.chmod(copy, 0o555)
        for name in os.listdir(copy):
            os.chmod(f'{copy}/{name}', 0o444)
        if os.geteuid() == 0:
            same(as_nobody(c, copy), (0, dump(c, copy), ''), 'a user that may only read it')
        os.chmod(copy, 0o700)
        damage_each_file(c, copy)
    d.start()
    same(d.process('runs')['pid'], pid, 'it was adopted all the same')


def damage_each_file(c, directory):
    random.seed(4711)
    for name in sorted(os.listdir(directory)):
        path = f'{directory}/{name}'
        os.chmod(path, 0o600)
        with open(path, 'rb') as f:
            whole = f.read()
        sizes = [0, 1, 50, 4095, 4096, 4097, 4096 + 100, len(whole) - 1]
        kinds = [whole[:size] for size in sizes if size < len(whole)] + [bytes(len(whole))]
        for data in kinds:
            with open(path, 'wb') as f:
                f.write(data)
            if name.startswith('spool-'):  # one that is short is one that was not begun
                check(c.run_daemon('--dump-state', directory)[0] in (0, 1), f'{name} of {len(data)} bytes')
                continue
            if name == 'lock' and not data:
                has(dump(c, directory), '\nfile: lock\npid: not written yet\n', 'an empty lock')
            else:
                has(dump(c, directory, 1), f'\ndamaged: {name} at ', f'{name} of {len(data)} bytes')
        for at in [0, 20, 1024, 1028, 2048, 3072, 4096, 4100] + [random.randrange(len(whole)) for _ in range(10)]:
            if at < len(whole):
                with open(path, 'wb') as f:
                    f.write(whole[:at] + bytes([whole[at] ^ 1 << random.randrange(8)]) + whole[at + 1:])
                before = fingerprints(directory)
                code, out, err = c.run_daemon('--dump-state', directory)
                same(fingerprints(directory), before, 'the state directory after it was printed')
                same((code in (0, 1), err), (True, ''), f'{name} with another byte at {at}: {code} {err}')
                same('\ndamaged: ' in out, code == 1, f'words and code, {name} with another byte at {at}')
        with open(path, 'wb') as f:
            f.write(whole)
    dump(c, directory)
