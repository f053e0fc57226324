"""Everything at once, in any order: the invariants hold."""
import contextlib
import os
import random
import signal
import socket
import threading
import time
import xmlrpc.client

from case_events import LISTENER
from e2elib import Failed, check, descendants, kill, proc_status, same, story, write_file

STATES = ('STOPPED', 'STARTING', 'RUNNING', 'BACKOFF', 'STOPPING', 'EXITED', 'FATAL')


def program(c, name, mode, count, *lines):
    return c.program(name, mode, f'numprocs={count}', 'process_name=%(program_name)s_%(process_num)d',
                     'restart_delay=20ms', 'restart_delay_max=100ms', 'stopwaitsecs=1', *lines)


def text(c, dice):
    """One of many files: the same programs, more or fewer of them, with other settings."""
    def some(*choices):
        return dice.choice(choices)
    parts = [
        program(c, 'calm', ' sleep', dice.randrange(1, 8), 'startsecs=0',
                f'stopsignal={some("TERM", "INT", "KILL")}'),
        program(c, 'flap', f' exit {some(0, 1)} {some(0, 20, 50)}', dice.randrange(0, 4),
                f'startsecs={some(0, 1)}', 'autorestart=true', f'startretries={some(3, 1000)}'),
        program(c, 'deaf', ' ignore-term', dice.randrange(0, 3), 'startsecs=0'),
        program(c, 'crash', f' crash {some(0, 30)}', dice.randrange(0, 3), 'startsecs=0'),
        program(c, 'tree', ' litter', dice.randrange(0, 3), 'startsecs=0', 'killasgroup=true'),
        program(c, 'talk', f' lines 500 {some(0, 1)}', dice.randrange(0, 3), 'startsecs=0',
                'stdout_logfile_maxbytes=2KB', 'autorestart=true',
                f'stdout_logfile_backups={some(0, 2)}'),
        program(c, 'sick', ' sleep', dice.randrange(0, 3), 'startsecs=0',
                f'healthcheck=exec:{some("/bin/false", "/bin/true", "/bin/sleep 9")}',
                'healthcheck_timeout=100ms', 'healthcheck_retries=1', 'healthcheck_interval=50ms',
                f'healthcheck_action={some("restart", "kill", "none")}'),
        program(c, 'duo', ' sleep', 2, 'startsecs=0') + program(c, 'solo', ' echo', 1, 'startsecs=0')
        + f'[group:both]\nprograms={some("duo,solo", "duo", "solo,duo")}\n'
          f'priority={some(1, 999)}\n',
        f'[eventlistener:ear]\ncommand=/bin/sh {c.path("listener.sh")} /dev/null\n'
        f'events=PROCESS_STATE,REMOTE_COMMUNICATION\nbuffer_size={some(5, 50)}\nstartsecs=0\n'
        f'numprocs={some(1, 2)}\nprocess_name=%(process_num)d\nstopwaitsecs=1\n',
        f'[fcgi-program:fast]\ncommand={c.worker} sleep\nsocket=unix://{c.path("fast.sock")}\n'
        f'numprocs={some(1, 3)}\nprocess_name=%(process_num)d\nstartsecs=0\n',
        program(c, 'gone', '', 1, 'startretries=2').replace('command=\n', 'command=/nonexistent\n'),
    ]
    dice.shuffle(parts)
    return ''.join(parts[:dice.randrange(4, 12)])


class Client(threading.Thread):
    """Gives orders; takes any answer that is one."""

    def __init__(self, c, d, seed, until, lock):
        super().__init__()
        self.c, self.d, self.until, self.lock = c, d, until, lock
        self.dice = random.Random(seed)
        self.wrong = None
        self.count = 0

    def run(self):
        try:
            while time.monotonic() < self.until:
                self.dice.choice((self.order, self.order, self.order, self.scale, self.murder,
                                  self.apply, self.look, self.look, self.call, self.update,
                                  self.read_logs, self.leave))()
                self.count += 1
        except Exception as e:
            self.wrong = e

    def post(self, path, body):
        a = self.d.request('POST', path, body)
        check(a.status in (200, 202, 204, 400, 404, 409, 422, 504), f'{path} {body}: {a.status}')

    def target(self):
        known = self.d.names() + ['calm:*', 'flap:*', 'all', '*_1']
        return self.dice.choice(known)

    def order(self):
        what = self.dice.choice(('start', 'stop', 'restart', 'signal'))
        body = {'wait': self.dice.random() < 0.3, 'timeout_s': 2}
        if what == 'signal':
            body = {'signal': self.dice.choice(('USR1', 'TERM', 'KILL', 'HUP'))}
        self.post(f'/v1/processes/{self.target()}/{what}', body)

    def scale(self):
        name = self.dice.choice(('calm', 'flap', 'deaf', 'tree', 'talk'))
        self.post(f'/v1/programs/{name}/scale', {'replicas': self.dice.randrange(0, 10),
                                                 'wait': False})

    def murder(self):
        pids = [pid for pid in self.d.pids().values() if pid]
        if pids:
            victim = self.dice.choice(pids)
            if victim in {p.pid for p in descendants(self.d.pid)}:
                kill(victim, self.dice.choice((signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM)))

    def apply(self):
        with self.lock:
            self.d.configure(text(self.c, self.dice))
            if self.dice.random() < 0.3:
                self.d.send(signal.SIGHUP)
            else:
                self.post('/v1/reload', {})

    def call(self):
        """Supervisor's own methods; faults are answers."""
        rpc = self.d.rpc()
        name = self.target()
        with contextlib.suppress(xmlrpc.client.Fault):
            self.dice.choice((
                lambda: rpc.clearAllProcessLogs(), lambda: rpc.clearProcessLogs(name),
                lambda: rpc.startProcess(name, False), lambda: rpc.stopProcess(name, False),
                lambda: rpc.signalProcess(name, 'USR1'), lambda: rpc.getAllProcessInfo(),
                lambda: rpc.getAllConfigInfo(), lambda: rpc.sendRemoteCommEvent('type', 'data'),
                lambda: rpc.sendProcessStdin(name, 'text\n'),
                lambda: rpc.stopProcessGroup(name.split(':')[0], False),
                lambda: rpc.startProcessGroup(name.split(':')[0], False)))()

    def update(self):
        """As `supervisorctl update` does it."""
        rpc = self.d.rpc()
        with self.lock:
            self.d.configure(text(self.c, self.dice))
            with contextlib.suppress(xmlrpc.client.Fault):
                added, changed, removed = rpc.reloadConfig()[0]
                for group in self.dice.sample(changed + removed, len(changed + removed) // 2):
                    with contextlib.suppress(xmlrpc.client.Fault):
                        rpc.stopProcessGroup(group, self.dice.random() < 0.5)
                        rpc.removeProcessGroup(group)
                for group in added + changed:
                    with contextlib.suppress(xmlrpc.client.Fault):
                        rpc.addProcessGroup(group)

    def read_logs(self):
        what = self.dice.choice(('stdout?tail=100', 'stderr?lines=3', 'stdout?offset=0'))
        a = self.d.get(f'/v1/logs/{self.target()}/{what}')
        check(a.status in (200, 404), f'log: {a.status}')
        if self.dice.random() < 0.2:
            self.d.send(signal.SIGUSR2)

    def leave(self):
        """Clients that do not wait for their answer."""
        path = self.dice.choice(('v1/events', 'v1/logs/main?follow=1', 'logtail/calm:calm_0', 'v1/info'))
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.d.socket)
            s.sendall(f'GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
            if self.dice.random() < 0.5:
                s.settimeout(self.c.patience)
                s.recv(100)

    def look(self):
        for p in self.d.processes():
            check(p['state'] in STATES, f'state {p["state"]}')
            stopped = p['state'] in ('STOPPED', 'EXITED', 'FATAL', 'BACKOFF')
            if p['state'] != 'STOPPING':  # which it is without a pid while something is left below it
                check(stopped == (p['pid'] is None), f'{p["name"]}: {p["state"]} with pid {p["pid"]}')


def storm(c, seconds, seed):
    write_file(c.path('listener.sh'), LISTENER)
    d = c.daemon(text(c, random.Random(seed)), supervisord='shutdown_timeout=20s')
    lock = threading.Lock()
    until = time.monotonic() + seconds
    clients = [Client(c, d, seed + i, until, lock) for i in range(4)]
    for k in clients:
        k.start()
    for k in clients:
        k.join()
    for k in clients:
        if k.wrong:
            raise k.wrong
    check(sum(k.count for k in clients) > 20, 'hardly anything was done')
    d.configure(c.program('last', ' sleep', 'numprocs=5', 'process_name=%(process_num)d',
                          'startsecs=0'))
    d.reload()
    c.wait(lambda: d.info()['counts']['RUNNING'] == 5 and len(d.names()) == 5, 'calm again',
           lambda: d.info()['counts'])
    same(len(set(d.pids().values())), 5, 'pids')
    d.order('last:*', 'restart')
    d.stop()


@story(nobody=True, busy=True)
def orders_in_any_order_leave_a_sound_daemon(c):
    storm(c, 6, 1)


@story(soak=True, slow=3, busy=True)
def orders_in_any_order_for_two_minutes(c):
    seed = random.SystemRandom().randrange(1 << 30)
    try:
        storm(c, 120, seed)
    except Failed as e:
        raise Failed(f'{e} [seed {seed}]')


@story(nobody=True, slow=2, busy=True)
def thousands_of_restarts_leak_neither_memory_nor_descriptors(c):
    d = c.daemon(c.program('w', ' exit 1', 'startsecs=0', 'autorestart=true', 'restart_delay=0',
                           'numprocs=2', 'process_name=%(process_num)d',
                           'stdout_logfile_maxbytes=1KB', 'redirect_stderr=true'),
                 supervisord='logfile_maxbytes=100MB')

    def size():
        return (int(proc_status(d.pid)['VmRSS'].split()[0]), len(os.listdir(f'/proc/{d.pid}/fd')))
    d.wait_log('spawned: ', 2000)
    memory, fds = size()
    d.wait_log('spawned: ', 5000)
    more_memory, more_fds = size()
    check(more_fds <= fds + 6, f'{fds} descriptors became {more_fds}')
    if not c.asan:  # which keeps what was freed for a while
        check(more_memory <= memory + 2000, f'{memory} KB became {more_memory}')
    d.order('w:*', 'stop', None)
