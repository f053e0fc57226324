"""Under a service manager, as process 1 of a container, and with fewer rights than root has."""
import contextlib
import os
import signal
import socket
import subprocess
import time

from e2elib import (Events, Skipped, alive, check, descendants, has, kill, lacks, prctl, proc_status, read_file,
                    reap_all, same, story, write_file)

PR_CAPBSET_DROP, CAP_SYS_PTRACE = 24, 19


# ---- systemd

class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, c, address):
        self.c = c
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.s.bind(address)
        self.s.settimeout(c.patience)
        self.said = []

    def next(self, but='WATCHDOG=1'):
        """The next message, as a dictionary. Messages that come all the time and those about the
        descriptor store are passed over."""
        while True:
            text = self.s.recv(4096).decode()
            self.said.append(text)
            if text.strip() != but and not text.startswith('FD'):
                return dict(line.split('=', 1) for line in text.splitlines())

    def environ(self, name, **more):
        return dict(os.environ, NOTIFY_SOCKET=name, **more)


def is_ready(message, d):
    same((message['READY'], message['MAINPID']), ('1', str(d.pid)), 'ready')


@story(nobody=True)
def the_service_manager_is_told(c):
    path = c.path('notify')
    m = Manager(c, path)
    d = c.daemon(c.program('w', ' sleep'), start=False)
    d.start(env=m.environ(path))
    is_ready(m.next(), d)
    d.reload()
    message = m.next()
    same(message['RELOADING'], '1', 'reloading')
    check(int(message['MONOTONIC_USEC']) <= time.monotonic_ns() // 1000, 'by the monotonic clock')
    is_ready(m.next(), d)
    d.configure('[program:broken]\n')
    d.reload(422)
    d.configure(d.text.replace('[program:broken]', c.program('w', ' sleep')))
    d.send(signal.SIGUSR1)
    same(m.next()['RELOADING'], '1', 'upgrading; the refused reload was none')
    is_ready(m.next(), d)
    d.wait_state('w', 'RUNNING')
    lacks(read_file(f'/proc/{d.process("w")["pid"]}/environ'), 'NOTIFY_SOCKET', 'environment of a worker')
    d.stop()
    same(m.next(), {'STOPPING': '1'}, 'stopping')
    lacks(''.join(m.said), 'WATCHDOG', 'what was said, with no watchdog asked for')


@story(nobody=True)
def the_watchdog_hears_of_a_living_daemon(c):
    name = f'sv-e2e-{os.getpid()}'
    m = Manager(c, f'\0{name}')
    d = c.daemon(c.program('w', ' sleep'), start=False)
    d.start(env=m.environ(f'@{name}', WATCHDOG_USEC='200000'))
    is_ready(m.next(), d)

    def hears(times):
        for _ in range(times):
            same(m.next(but=None), {'WATCHDOG': '1'}, 'a sign of life')
    hears(3)
    d.send(signal.SIGUSR1)
    same(m.next()['RELOADING'], '1', 'reloading')
    is_ready(m.next(), d)
    hears(3)
    d.send(signal.SIGSTOP)
    m.s.settimeout(1)
    with contextlib.suppress(TimeoutError):
        while True:
            hears(1)
    d.send(signal.SIGCONT)
    m.s.settimeout(c.patience)
    hears(1)


@story(nobody=True)
def an_upgrade_that_cannot_be_executed_leaves_it_ready(c):
    path = c.path('notify')
    m = Manager(c, path)
    gone = write_file(c.path('gone'), f'#!/bin/sh\nrm "$0"\nexec {c.supervisord} "$@"\n', 0o755)
    d = c.daemon(c.program('w', ' sleep'), start=False)
    d.start(env=m.environ(path))
    is_ready(m.next(), d)
    d.post('/v1/upgrade', {'binary': gone}, 202)
    same(m.next()['RELOADING'], '1', 'reloading')
    is_ready(m.next(), d)
    d.wait_log('not upgraded: execute')
    d.wait_state('w', 'RUNNING')


# ---- process 1

def contained(c, text, **how):
    """A daemon that is process 1 of a pid namespace."""
    d = c.daemon(text, start=False, **how)
    d.popen = subprocess.Popen(['unshare', '--pid', '--fork', '--mount-proc', '--kill-child',
                                c.supervisord, '-n', '-c', d.conf], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    d.pid = d.popen.pid
    c.wait(lambda: d.popen.poll() is not None or d.answers(), 'it answers')
    if d.popen.poll() is not None and not d.log():
        d.code = d.popen.returncode
        raise Skipped('no pid namespace here')
    return d


def process_one(d):
    """The daemon's pid outside of its namespace."""
    return next(p.pid for p in descendants(d.popen.pid) if p.ppid == d.popen.pid)


@story(root=True)
def as_process_one_the_daemon_ends_everything_on_sigterm(c):
    d = contained(c, c.program('w', ' sleep') + c.program('hard', ' ignore-term', 'stopwaitsecs=1'))
    d.wait_all('RUNNING', 2)
    has(d.log(), 'when it dies, the kernel ends everything here', 'main log')
    kill(process_one(d), signal.SIGTERM)
    d.wait_end(0)
    has(d.log(), 'stopped: hard (terminated by SIGKILL)', 'main log')


@story(root=True)
def as_process_one_the_daemon_ends_with_the_code_of_its_main_program(c):
    d = contained(c, c.program('main', ' exit 7 500', 'startsecs=0', 'autorestart=false', 'container_main=true')
                  + c.program('side', ' sleep'))
    d.wait_end(7)
    d = contained(c, c.program('w', ' exit 1 300', 'startretries=0', 'on_fatal=shutdown'), name='e')
    d.wait_end(3)


@story(root=True)
def as_process_one_the_daemon_passes_signals_on_to_its_main_program(c):
    script = write_file(c.path('traps'), '''#!/bin/sh
trap 'echo got WINCH' WINCH
trap 'echo got RTMIN' 34
trap 'exit 9' CONT
echo ready
while :; do sleep 0.05; done
''', 0o755)
    d = contained(c, c.program('main', script, 'startsecs=0', 'autorestart=false', 'container_main=true')
                  + c.program('side', ' sleep'))
    d.wait_worker_log('main', 'ready')
    one = process_one(d)
    for sig, word in ((signal.SIGWINCH, 'got WINCH'), (34, 'got RTMIN')):
        kill(one, sig)
        d.wait_worker_log('main', word)
    kill(one, signal.SIGCONT)
    d.wait_end(9)


@story(nobody=True)
def unknown_children_are_reaped_and_named(c):
    d = c.daemon(c.program('w', ' fork-away', 'startsecs=0', 'autorestart=false'))
    d.wait_state('w', 'EXITED')
    away = int(d.wait_worker_log('w', 'away').split()[1])
    c.wait(lambda: proc_status(away)['PPid'] == str(d.pid), 'it is a child of the daemon')
    kill(away)
    d.wait_log(f"reaped unknown pid {away} 'worker' (terminated by SIGKILL)")
    check(not alive(away), 'it is reaped')


# ---- rights

def without_ptrace():
    prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE)


@story(root=True)
def where_pipes_may_not_be_opened_a_worker_is_adopted_without_them(c):
    d = c.daemon(c.program('w', ' lines 1000000 5', 'user=nobody', 'startsecs=0')
                 + c.program('own', ' lines 1000000 5', 'startsecs=0'), start=False)
    d.start(preexec=without_ptrace)
    d.wait_all('RUNNING', 2)
    pids = d.pids()
    d.kill()
    d.start(preexec=without_ptrace)
    same(d.pids(), pids, 'pids')
    p = d.process('w')
    same((p['state'], p['adopted'], p['adopted_logs']), ('RUNNING', True, False), 'the other user\'s')
    same(d.process('own')['adopted_logs'], True, 'adopted_logs of the own one')
    d.wait_log(f"adopted 'w' (pid {pids['w']}) without its logs: open its stdout: Permission denied")
    d.send(signal.SIGUSR1)
    d.wait_log('supervisord started with pid', 3)
    c.wait(d.answers, 'the next image answers')
    same((d.process('w')['pid'], d.process('w')['adopted_logs']), (pids['w'], False), 'after an upgrade')
    kill(pids['w'], signal.SIGTERM)
    c.wait_gone(pids['w'])
    reap_all()
    p = d.wait_process('w', lambda p: p['pid'] not in (None, pids['w']), 'is restarted')
    same((p['exit']['signal'], p['adopted_logs']), ('SIGTERM', None), 'its end, and its successor')
    before = len(d.worker_log('w'))
    c.wait(lambda: len(d.worker_log('w')) > before, 'its successor has a log again')
    pid = d.process('w')['pid']
    d.send(signal.SIGUSR1)
    d.wait_log('supervisord started with pid', 4)
    c.wait(d.answers, 'the next image answers')
    same((d.process('w')['pid'], d.process('w')['adopted_logs']), (pid, True), 'an upgrade needs no rights')


@story(root=True)
def a_pid_that_another_process_has_by_now_is_not_touched(c):
    last = '/proc/sys/kernel/ns_last_pid'
    if not os.path.exists(last):
        raise Skipped('pids cannot be chosen here')
    d = c.daemon(c.program('w', ' sleep', 'autorestart=false', 'stopasgroup=true'))
    d.wait_state('w', 'RUNNING')
    pid = d.process('w')['pid']
    d.kill()
    kill(pid)
    c.wait_gone(pid)
    reap_all()
    other = None
    for _ in range(200):
        write_file(last, str(pid - 1))
        other = c.helper([c.worker, 'sleep'], stdout=subprocess.DEVNULL)
        if other.pid == pid:
            break
        other.kill()
        other.wait()
    if other.pid != pid:
        raise Skipped('others took that pid')
    d.start()
    p = d.process('w')
    same((p['state'], p['pid'], p['exit']['text']),
         ('EXITED', None, 'unknown (ended while unsupervised)'), 'w')
    d.stop()
    check(other.poll() is None and alive(pid), 'the unrelated process lives')


# ---- what others see of an adopted worker

@story(nobody=True)
def the_end_of_an_adopted_worker_has_the_same_events(c):
    heard = {}
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'restart_delay=10ms'))
    d.wait_state('w', 'RUNNING')
    for adopted in (False, True):
        if adopted:
            d.kill()
            d.start()
        events = Events(d, types='process.state')
        pid = d.process('w')['pid']
        same(d.process('w')['adopted'], adopted, 'adopted')
        kill(pid, signal.SIGTERM)
        seen = events.until(lambda i, t, e: e['to'] == 'RUNNING', 'it runs again')
        heard[adopted] = [(e['from'], e['to'], e['pid'] == pid, e['expected'],
                           (e['exit'] or {}).get('signal')) for _, _, e in seen]
        events.close()
        reap_all()
    same(heard[True], heard[False], 'events')


@story(nobody=True)
def a_second_daemon_is_refused_also_by_one_in_the_background(c):
    """The lock is held all the time while the daemon goes into the background."""
    d = c.daemon(c.program('w', ' sleep'), args=(), start=False)
    d.launch()
    c.wait(d.answers, 'it answers')
    d.popen.wait()
    d.code = 0
    pid = d.info()['pid']
    try:
        other = c.path('other.conf')
        write_file(other, f'[supervisord]\nlogfile={c.path("other.log")}\npidfile={c.path("other.pid")}\n'
                   f'statedir={d.dir}/s.state\n[program:w]\ncommand={c.worker} sleep\n')
        code, _, err = c.run_daemon('-n', '-c', other)
        same(code, 2, 'exit code')
        has(err, f'Another program is already listening: supervisord with pid {pid} ', 'stderr')
    finally:
        kill(pid, signal.SIGTERM)
        c.wait_gone(pid)
        reap_all()
