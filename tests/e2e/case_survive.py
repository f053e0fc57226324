"""Killing the daemon: the next instance resumes everything, and nothing happens twice.

The story's own process is a subreaper that does not reap by itself, so that orphaned workers become
its children, and their exit codes stay readable until reap_all(). Under load it is told in case_siege.py.
"""
import contextlib
import glob
import http.client
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import threading
import time

from e2elib import (Events, Failed, Skipped, alive, check, descendants, has, kill, lacks, mount_tmpfs, proc_environ,
                    proc_status,
                    read_file, reap_all, same, story, unmount, write_file)


def succeed(d):
    """Kills the daemon and starts the next instance."""
    d.kill()
    return d.start()


def living_workers(c, kind='worker'):
    return {p.pid for p in descendants(os.getpid()) if p.name == kind and p.state != 'Z'}


def listener(c):
    """An event listener that writes down what it hears."""
    path = write_file(c.path('listener'), f'''#!/bin/sh
printf 'READY\\n'
while read -r head; do
    len=${{head##*len:}}
    dd bs=1 count="$len" 2>/dev/null >/dev/null
    printf '%s\\n' "$head" >>{c.path('heard')}
    printf 'RESULT 2\\nOKREADY\\n'
done
''', 0o755)
    return path


def numbers(path):
    """Of "line N", over all rotated files, in the order in which they were written."""
    parts = []
    for name in glob.glob(glob.escape(path) + '*'):
        found = [int(n) for n in re.findall(r'^line (\d+)$', read_file(name), re.M)]
        if found:
            parts.append(found)
    return [n for part in sorted(parts) for n in part]


def no_gap_and_no_double(path):
    got = numbers(path)
    for at, n in enumerate(got):
        if n != at + 1:
            raise Failed(f'{path}: line {at + 1} is {n}: {got[max(0, at - 3):at + 4]}')
    return len(got)


@story(nobody=True)
def no_worker_notices_and_the_next_daemon_goes_on(c):
    d = c.daemon(c.program('steady', ' sleep', 'numprocs=3', 'process_name=%(program_name)s_%(process_num)d')
                 + c.program('chatty', ' lines 1000000 1') + c.program('echo', ' echo')
                 + c.program('off', ' sleep', 'autostart=false'))
    d.wait_all('RUNNING', 5)
    before = {p['name']: p for p in d.processes()}
    log = before['chatty']['stdout']['logfile']
    time.sleep(0.3)
    d.kill()
    time.sleep(0.3)
    d.start()
    d.wait_log('adopted:', 5)
    for p in d.processes():
        was = before[p['name']]
        same((p['pid'], p['state'], p['started_at']), (was['pid'], was['state'], was['started_at']),
             p['name'])
        same(p['adopted'], p['pid'] is not None, f'adopted of {p["name"]}')
        same(p['adopted_logs'], True if p['pid'] else None, f'adopted_logs of {p["name"]}')
    check(d.process('chatty')['uptime_s'] >= 0.6, 'uptime goes on')
    same(d.process('chatty')['stdout']['logfile'], log, 'the generated log')
    same(d.info()['statedir'], f'{d.dir}/s.state', 'statedir')
    d.rpc().sendProcessStdin('echo', 'hello\n')
    d.wait_worker_log('echo', 'hello')
    n = len(numbers(log))
    c.wait(lambda: len(numbers(log)) > n + 50, 'the log grows')
    d.order('chatty', 'stop')
    check(no_gap_and_no_double(log) > 300, 'lines')
    q = d.order('chatty', 'start')
    same((q['adopted'], q['adopted_logs']), (False, None), 'a new start')
    d.stop()
    check(not os.path.exists(f'{d.dir}/s.state'), 'the state goes with a clean stop')


FORMED = {
    'raw': r'line (\d+)',
    'text': r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z text line (\d+)',
    'json': r'\{"time":"[-:.\dTZ]{24}","process":"json","stream":"stdout","pid":(?:\d+|null),"message":"line (\d+)"\}',
}


def every_line_once(path, form):
    """Over all rotated files: 1, 2, ... each whole and in its form. How many."""
    names = glob.glob(glob.escape(path) + '*')
    names.sort(key=lambda name: -int(name[len(path) + 1:] or 0))
    n = 0
    for name in names:
        for line in read_file(name).splitlines(keepends=True):
            found = re.fullmatch(FORMED[form] + '\n', line)
            if not found or int(found[1]) != n + 1:
                raise Failed(f'{name}: line {n + 1} is expected, found: {line[:200]}')
            n += 1
    return n


def spools(d):
    return glob.glob(f'{d.dir}/s.state/spool-*')


@story(nobody=True, slow=2, busy=True)
def logs_with_a_format_are_exact_over_kills_under_load(c):
    how = ('stdout_logfile_maxbytes=300KB', 'stdout_logfile_backups=2000')
    logs = {form: c.path(form + '.log') for form in FORMED}
    d = c.daemon(''.join(c.program(form, ' lines 100000000', f'stdout_logfile={logs[form]}', *how,
                                   *([f'stdout_format={form}'] if form != 'raw' else []))
                         for form in FORMED)
                 + c.program('captured', ' lines 100000000', f'stdout_logfile={c.path("captured.log")}',
                             'stdout_capture_maxbytes=1MB', *how))
    d.wait_all('RUNNING', 4)
    for _ in range(12):
        time.sleep(random.uniform(0, 0.05))
        succeed(d)
    check(spools(d), 'there are spools')
    for name in d.names():
        d.order(name, 'stop')
    for form, log in logs.items():
        check(every_line_once(log, form) > 1000, f'lines of {form}')
    check(every_line_once(c.path('captured.log'), 'raw') > 1000, 'lines')
    same(spools(d), [], 'spools of workers that have ended')
    d.stop()
    check(not os.path.exists(f'{d.dir}/s.state'), 'the state goes with a clean stop')


@story(nobody=True)
def a_line_that_was_begun_is_ended_after_a_kill_and_after_an_upgrade(c):
    log = c.path('echo.log')
    d = c.daemon(c.program('echo', '/bin/cat', 'stdout_format=json', f'stdout_logfile={log}'))
    d.wait_state('echo', 'RUNNING')
    pid = d.process('echo')['pid']
    say = d.rpc().sendProcessStdin
    say('echo', 'begun, ')
    c.wait(lambda: any(os.path.getsize(path) > 4096 for path in spools(d)), 'the spool holds it')
    succeed(d)
    say = d.rpc().sendProcessStdin
    say('echo', 'gone on, ')
    time.sleep(0.2)
    d.post('/v1/upgrade', status=202)
    upgraded(c, d)
    d.rpc().sendProcessStdin('echo', 'ended\n')
    c.wait(lambda: 'ended' in read_file(log), 'the line')
    line = read_file(log)
    has(line, f'"process":"echo","stream":"stdout","pid":{pid},"message":"begun, gone on, ended"}}\n')
    same(line.count('\n'), 1, 'lines')
    d.stop()


@story(nobody=True)
def the_last_output_of_a_worker_that_exited_meanwhile_is_logged(c):
    log = c.path('echo.log')
    d = c.daemon(c.program('echo', '/bin/cat', 'stdout_format=text', f'stdout_logfile={log}', 'autorestart=false'))
    d.wait_state('echo', 'RUNNING')
    d.rpc().sendProcessStdin('echo', 'last words')
    c.wait(lambda: any(os.path.getsize(path) > 4096 for path in spools(d)), 'the spool holds it')
    pid = d.process('echo')['pid']
    d.kill()
    kill(pid)
    c.wait(lambda: not alive(pid), 'its end')
    d.start()
    c.wait(lambda: read_file(log).endswith(' echo last words\n'), 'the rest of it')
    c.wait(lambda: not spools(d), 'no spool is left')
    d.stop()


def fill(path):
    with open(path, 'wb', buffering=0) as f:
        try:
            while True:
                f.write(b'f' * 4096)
        except OSError:
            pass


@story(root=True, slow=2)
def a_full_state_directory_costs_logs_with_a_format_only_their_exactness_over_a_kill(c):
    disk = c.path('disk')
    os.mkdir(disk)
    try:
        mount_tmpfs(disk, '400k')
    except OSError as e:
        raise Skipped(f'cannot mount a tmpfs: {e}')
    c.mounts.append(disk)
    count = 40000
    d = c.daemon(''.join(c.program(name, f' lines {count}', f'stdout_logfile={c.path(name)}', 'autostart=false',
                                   'startsecs=0', 'autorestart=false', 'stdout_format=text')
                         for name in ('text', 'again')),
                 supervisord=f'statedir={disk}/state')
    fill(f'{disk}/filler')
    for name in ('text', 'again'):
        d.order(name, 'start', None)
        d.wait_state(name, 'EXITED')
        found = re.findall(r'^\S+Z \w+ line (\d+)$', read_file(c.path(name)), re.M)
        same([int(n) for n in found], list(range(1, count + 1)), f'lines of {name}')
    same(len(d.lines('a kill of supervisord may cost')), 1, 'warnings')
    has(d.lines('a kill of supervisord may cost')[0], 'No space left on device', 'why')
    os.unlink(f'{disk}/filler')
    d.order('text', 'start', None)
    d.wait_state('text', 'EXITED')
    d.stop()


@story(nobody=True)
def an_adopted_worker_is_supervised_like_any_other(c):
    d = c.daemon(c.program('w', ' sleep') + c.program('hard', ' ignore-term', 'stopwaitsecs=1')
                 + c.program('tree', ' tree', 'stopasgroup=true', 'killasgroup=true')
                 + c.program('flood', ' sleep', 'autorestart=false'))
    d.wait_all('RUNNING', 4)
    d.wait_worker_log('tree', 'ready')
    pids = succeed(d).pids()
    same(d.process('w')['adopted'], True, 'adopted')
    d.order('w', 'signal', signal='KILL')
    p = d.wait_process('w', lambda p: p['pid'] not in (None, pids['w']), 'is restarted')
    same(p['exit']['signal'], 'SIGKILL', 'how it ended')
    same(p['adopted'], False, 'adopted')
    same(d.order('hard', 'stop')['state'], 'STOPPED', 'state')
    d.wait_log('stopped: hard (terminated by SIGKILL)')
    d.order('tree', 'stop')
    kill(pids['flood'], signal.SIGTERM)
    p = d.wait_state('flood', 'EXITED')
    same(p['exit']['signal'], 'SIGTERM', 'how it ended')
    c.wait(lambda: len(living_workers(c)) == 1, 'only one worker lives')
    reap_all()


@story(nobody=True)
def the_operators_decisions_survive_a_kill(c):
    d = c.daemon(c.program('stopped', ' sleep') + c.program('started', ' sleep', 'autostart=false')
                 + c.program('fatal', ' exit 1', 'startretries=0')
                 + c.program('done', ' exit 0', 'startsecs=0', 'autorestart=false')
                 + c.program('fleet', ' sleep', 'process_name=%(program_name)s_%(process_num)d'))
    d.wait_state('stopped', 'RUNNING')
    d.wait_state('fatal', 'FATAL')
    d.wait_state('done', 'EXITED')
    d.order('stopped', 'stop')
    d.order('started', 'start')
    d.scale('fleet', replicas=4)
    d.wait_all('RUNNING', 5)
    pids = d.pids()
    for _ in range(3):
        succeed(d)
        same(d.pids(), pids, 'the workers')
        same([d.process(n)['state'] for n in ('stopped', 'started', 'fatal', 'done')],
             ['STOPPED', 'RUNNING', 'FATAL', 'EXITED'], 'states')
    d.scale('fleet', replicas=2)
    c.wait(lambda: len(d.processes('fleet*')) == 2, 'two are left')
    same(sorted(n for n in succeed(d).names() if 'fleet' in n), ['fleet:fleet_0', 'fleet:fleet_1'],
         'the fleet')


@story(nobody=True)
def a_stop_goes_on_with_the_time_that_is_left(c):
    d = c.daemon(c.program('hard', ' ignore-term', 'stopwaitsecs=3'))
    d.wait_worker_log('hard', 'ready')
    began = time.monotonic()
    d.order('hard', 'stop', 202, wait=False)
    d.wait_worker_log('hard', 'ignored SIGTERM')
    d.kill()
    time.sleep(1)
    d.start()
    same(d.process('hard')['state'], 'STOPPING', 'state')
    d.wait_state('hard', 'STOPPED')
    took = time.monotonic() - began
    check(2.9 <= took < 30, f'stopped after {took} s')
    d.wait_log('stopped: hard (terminated by SIGKILL)')


@story(nobody=True)
def a_wait_for_the_next_start_goes_on(c):
    d = c.daemon(c.program('back', ' exit 1', 'restart_delay=3s', 'restart_jitter=0')
                 + c.program('crash', ' exit 3 20', 'startsecs=0', 'restart_delay=1h',
                             'restart_delay_max=1h'))
    d.wait_state('back', 'BACKOFF')
    d.wait_process('crash', lambda p: p['crashes'] == 2 and p['state'] == 'EXITED', 'waits')
    was = {p['name']: p for p in d.processes()}
    succeed(d)
    for p in d.processes():
        for key in ('state', 'tries', 'crashes', 'next_start_why', 'spawn_error', 'exit'):
            same(p[key], was[p['name']][key], f'{key} of {p["name"]}')
    first = d.moments("spawned: 'back'")[0]
    d.wait_log("spawned: 'back'", 2)
    check(d.moments("spawned: 'back'")[1] - first >= 2.9, 'the wait was not cut short')


@story(nobody=True)
def an_exit_while_no_daemon_runs_is_reported_truly(c):
    d = c.daemon(c.program('known', ' sleep') + c.program('unknown', ' sleep')
                 + c.program('never', ' sleep', 'autorestart=false') + c.program('steady', ' sleep'))
    d.wait_all('RUNNING', 4)
    pids = d.pids()
    d.kill()
    for name in ('unknown', 'never'):
        kill(pids[name])
        c.wait_gone(pids[name])
    reap_all()
    kill(pids['known'], signal.SIGINT)  # and it is not reaped
    c.wait_gone(pids['known'])
    d.start()
    p = d.wait_process('known', lambda p: p['pid'] not in (None, pids['known']), 'is restarted')
    same((p['exit']['signal'], p['restarts']), ('SIGINT', 1), 'exit')
    p = d.wait_process('unknown', lambda p: p['pid'] not in (None, pids['unknown'])
                       and p['state'] == 'RUNNING', 'is restarted')
    same((p['exit']['text'], p['exit']['code'], p['exit']['signal']),
         ('unknown (ended while unsupervised)', None, None), 'exit')
    same(d.process('never')['state'], 'EXITED', 'state')
    same(d.process('steady')['pid'], pids['steady'], 'pid')
    has(d.log(), "'unknown' (pid", 'main log')
    reap_all()


@story(nobody=True)
def another_configuration_is_applied_as_a_reload_would(c):
    text = (c.program('same', ' sleep') + c.program('gone', ' ignore-term', 'stopwaitsecs=1')
            + c.program('lone', ' sleep'))
    d = c.daemon(text + c.program('changed', ' sleep') + c.program(
        'fleet', ' sleep', 'numprocs=4', 'process_name=%(program_name)s_%(process_num)d'))
    d.wait_all('RUNNING', 8)
    pids = d.pids()
    d.kill()
    d.configure(c.program('same', ' sleep', 'priority=5') + c.program('new', ' sleep')
                + c.program('changed', ' sleep', 'environment=A="1"') + c.program(
        'fleet', ' sleep', 'numprocs=2', 'process_name=%(program_name)s_%(process_num)d'))
    d.start()
    c.wait(lambda: sorted(d.names()) == ['changed', 'fleet:fleet_0', 'fleet:fleet_1', 'new', 'same'],
           'what is gone goes', d.names)
    d.wait_all('RUNNING', 5)
    now = d.pids()
    same([now[n] for n in ('same', 'fleet:fleet_0', 'fleet:fleet_1')],
         [pids[n] for n in ('same', 'fleet:fleet_0', 'fleet:fleet_1')], 'processes that stay')
    check(now['changed'] != pids['changed'], 'the changed one is another')
    c.wait(lambda: living_workers(c) == set(now.values()), 'no other worker lives')
    reap_all()


@story(nobody=True)
def health_goes_on(c):
    flag = c.path('sick')
    check_it = f"healthcheck=exec:/bin/sh -c 'test ! -e {flag}'"
    d = c.daemon(c.program('w', ' sleep', check_it, 'healthcheck_interval=200ms',
                           'healthcheck_retries=2', 'ready=healthcheck', 'startsecs=0'))
    p = d.wait_process('w', lambda p: p['health'] == 'healthy' and p['state'] == 'RUNNING', 'is up')
    q = succeed(d).process('w')
    same((q['pid'], q['health'], q['state']), (p['pid'], 'healthy', 'RUNNING'), 'after the kill')
    write_file(flag, '')
    d.wait_process('w', lambda q: q['pid'] != p['pid'], 'is restarted as unhealthy')
    os.unlink(flag)
    d.wait_process('w', lambda q: q['health'] == 'healthy', 'is healthy again')
    reap_all()


@story(nobody=True)
def a_second_daemon_is_refused_and_touches_nothing(c):
    d = c.daemon(c.program('w', ' sleep'))
    d.wait_state('w', 'RUNNING')
    pid = d.process('w')['pid']
    other = c.path('other.conf')
    write_file(other, f'[supervisord]\nlogfile={c.path("other.log")}\npidfile={c.path("other.pid")}\n'
               f'statedir={d.dir}/s.state\n[program:w]\ncommand={c.worker} sleep\n')
    code, _, err = c.run_daemon('-n', '-c', other)
    same(code, 2, 'exit code')
    has(err, 'Another program is already listening', 'stderr')
    has(err, f'pid {d.pid} ', 'stderr')
    same(d.process('w')['pid'], pid, 'pid')
    same(len(living_workers(c)), 1, 'workers')


@story(root=True)
def a_state_directory_that_has_become_read_only_is_gone_on_with(c):
    place = c.path('place')
    os.mkdir(place)
    try:
        mount_tmpfs(place, '4m')
    except OSError as e:
        raise Skipped(f'nothing can be mounted: {e}')
    c.mounts.append(place)
    d = c.daemon(c.program('w', ' sleep') + c.program('off', ' sleep') + c.program('form', ' lines 100000000 5',
                 'stdout_format=json'), supervisord=f'statedir={place}/state')
    d.wait_all('RUNNING', 3)
    d.order('off', 'stop')
    pids = d.pids()
    d.kill()
    subprocess.run(['mount', '-o', 'remount,ro', place], check=True)
    d.start()
    same(d.pids(), pids, 'workers')
    same(d.process('off')['state'], 'STOPPED', 'what was stopped')
    same(len(living_workers(c)), 2, 'workers')
    has(d.log(), f'{place}/state is read-only: what it knows is gone on with', 'main log')
    code, _, err = c.run_daemon('-n', '-c', d.conf)
    same(code, 2, 'exit code of a second one')
    has(err, 'Another program is already listening', 'stderr')
    a = d.post('/v1/upgrade', status=409)
    has(a['detail'], 'state directory that can be written', 'answer')

    # Nothing is started that a daemon after this one would not know of.
    why = 'it has become read-only and cannot be written anew'
    has(d.info()['statedir_error'], why, 'info')
    has(d.ctl('health')[1], f'statedir: {why}', 'health')
    has(d.log(), f'{place}/state: {why}', 'main log')
    has(d.ctl('start', 'off')[1], 'off: ERROR (spawn error)', 'a start')
    has(d.process('off')['spawn_error'], f'not started: {place}/state takes no record of', 'why')
    same(d.pids()['w'], pids['w'], 'the workers')
    succeed(d)
    same((d.pids()['w'], len(living_workers(c))), (pids['w'], 2), 'worker, and how many')

    # It can be written again: a start tries that itself.
    subprocess.run(['mount', '-o', 'remount,rw', place], check=True)
    d.order('off', 'start')
    d.wait_log(f'{place}/state had become read-only: written anew')
    d.wait_state('off', 'RUNNING')
    same(d.info()['statedir_error'], None, 'what is wrong with it now')
    same(int(read_file(f'{place}/state/lock')), d.pid, 'the holder of the lock')
    pids = d.pids()
    code, _, err = c.run_daemon('-n', '-c', d.conf)
    has(err, f'pid {d.pid} ', 'a second one')
    succeed(d)
    same(d.pids(), pids, 'workers')
    same(len(living_workers(c)), 3, 'workers')
    d.stop()
    same(len(living_workers(c)), 0, 'workers after a clean stop')


@story(nobody=True)
def without_a_state_directory_the_daemon_runs_all_the_same(c):
    write_file(c.path('file'), '')
    d = c.daemon(c.program('w', ' sleep'), supervisord=f'statedir={c.path("file")}')
    d.wait_state('w', 'RUNNING')
    has(d.log(), 'will not survive the death of supervisord', 'main log')
    same(d.info()['statedir'], None, 'statedir')


@story(nobody=True)
def fastcgi_workers_and_the_next_daemon_share_the_socket(c):
    path = c.path('f.sock')
    d = c.daemon(f'[fcgi-program:f]\ncommand={c.worker} sleep\nsocket=unix://{path}\nnumprocs=2\n'
                 'process_name=%(program_name)s_%(process_num)d\n')
    d.wait_all('RUNNING', 2)
    pids = d.pids()
    node = os.stat(path).st_ino
    succeed(d)
    same((d.pids(), os.stat(path).st_ino), (pids, node), 'workers and socket')
    d.wait_log(f'Going on with socket unix://{path}')
    d.order('f:f_0', 'restart')
    links = {os.readlink(f'/proc/{pid}/fd/0') for pid in d.pids().values()}
    same(len(links), 1, f'sockets in use: {links}')
    d.stop()
    check(not os.path.exists(path), 'the socket goes with a clean stop')


@story(nobody=True)
def an_event_listener_goes_on_with_its_protocol(c):
    d = c.daemon(f'[eventlistener:l]\ncommand={listener(c)}\nevents=PROCESS_STATE\n'
                 + c.program('w', ' sleep', 'startsecs=0'))
    d.wait_state('w', 'RUNNING')
    d.wait_state('l', 'RUNNING')
    pid = d.process('l')['pid']
    c.wait(lambda: 'PROCESS_STATE_RUNNING' in read_file(c.path('heard')), 'it hears')
    succeed(d)
    same(d.process('l')['pid'], pid, 'pid')
    d.order('w', 'stop')
    c.wait(lambda: 'PROCESS_STATE_STOPPED' in read_file(c.path('heard')), 'it hears on')
    lacks(d.log(), 'UNKNOWN state', 'main log')


def slow_reader(c):
    """A listener that has read the head of an event, and takes the rest when "go" is there."""
    return write_file(c.path('slow.py'), f"""#!/usr/bin/python3
import os, time
def say(text):
    os.write(1, text)
def take(size):
    data = b''
    while len(data) < size:
        data += os.read(0, min(5000, size - len(data)))
    return data
say(b'READY\\n')
while True:
    head = b''
    while not head.endswith(b'\\n'):
        head += take(1)
    with open('{c.path('heads')}', 'ab') as f:
        f.write(head)
    while not os.path.exists('{c.path('go')}'):
        time.sleep(0.02)
    body = take(int(head.rsplit(b'len:', 1)[1]))
    with open('{c.path('bodies')}', 'ab') as f:
        f.write(body + b'\\n')
    say(b'RESULT 2\\nOKREADY\\n')
""", 0o755)


def pattern(size, word):
    return ''.join(f'{word} {n}.' for n in range(size // 10))


def big_event(c, d, bodies, word):
    """The listener has read its head, and most of it waits in the daemon."""
    if os.path.exists(c.path('go')):
        os.unlink(c.path('go'))
    data = pattern(300000, word)
    d.rpc().sendRemoteCommEvent('big', data)
    bodies.append(f'type:big\n{data}')
    count = read_file(c.path('bodies')).count('type:')
    c.wait(lambda: read_file(c.path('heads')).count('\n') > count, 'its head was read')


def all_read(c, d, bodies, word):
    write_file(c.path('go'), '')
    d.rpc().sendRemoteCommEvent('small', word)
    bodies.append(f'type:small\n{word}')
    c.wait(lambda: read_file(c.path('bodies')).count(f'type:small\n{word}\n') == 1, 'both were read')
    same(read_file(c.path('bodies')), ''.join(b + '\n' for b in bodies), 'what it has read')
    lacks(d.log(), 'UNKNOWN state', 'main log')


@story(nobody=True)
def an_event_larger_than_a_pipe_goes_on_with_its_next_byte_over_an_upgrade(c):
    d = c.daemon(f'[eventlistener:l]\ncommand={slow_reader(c)}\nevents=REMOTE_COMMUNICATION\n')
    d.wait_state('l', 'RUNNING')
    bodies, pid = [], d.process('l')['pid']
    big_event(c, d, bodies, 'upgrade')
    started = len(d.lines('supervisord started with pid'))
    for n in range(2):
        d.send(signal.SIGUSR1)
        upgraded(c, d, started + n)
    all_read(c, d, bodies, 'upgrade')
    same(d.process('l')['pid'], pid, 'pid')
    lacks(d.log(), 'are lost', 'main log')


@story(nobody=True)
def a_listener_that_a_kill_cuts_off_inside_an_event_is_restarted_and_gets_it_again(c):
    d = c.daemon(f'[eventlistener:l]\ncommand={slow_reader(c)}\nevents=REMOTE_COMMUNICATION\n')
    d.wait_state('l', 'RUNNING')
    bodies, pid = [], d.process('l')['pid']
    big_event(c, d, bodies, 'kill')
    succeed(d)
    d.wait_log('l: it was cut off inside a message')
    d.wait_log("bytes that waited for the standard input of 'l' are lost")
    d.wait_process('l', lambda p: p['state'] == 'RUNNING' and p['pid'] != pid, 'it is another one')
    all_read(c, d, bodies, 'kill')
    heads = [h.split(' len:')[0] for h in read_file(c.path('heads')).splitlines()]
    same(heads[0], heads[1], 'the same event with the same numbers')
    same(len(set(heads)), 2, 'events')


@story(nobody=True)
def the_backlog_of_a_stdin_survives_an_upgrade_and_is_counted_after_a_kill(c):
    script = write_file(c.path('reads'), f'#!/bin/sh\nwhile [ ! -e {c.path("go")} ]; do sleep 0.05; done\n'
                        f'exec cat >>{c.path("out")}\n', 0o755)
    d = c.daemon(f'[program:r]\ncommand={script}\n')
    d.wait_state('r', 'RUNNING')
    data = pattern(200000, 'x')
    d.rpc().sendProcessStdin('r', data[:100000])
    d.rpc().sendProcessStdin('r', data[100000:])
    started = len(d.lines('supervisord started with pid'))
    for n in range(2):
        d.send(signal.SIGUSR1)
        upgraded(c, d, started + n)
        d.rpc().sendProcessStdin('r', f' end {n}')
    lacks(d.log(), 'are lost', 'main log')
    write_file(c.path('go'), '')
    c.wait(lambda: read_file(c.path('out')).endswith(' end 1'), 'all of it is read')
    same(read_file(c.path('out')), data + ' end 0 end 1', 'what was read')

    os.unlink(c.path('go'))
    d.order('r', 'restart')
    d.wait_state('r', 'RUNNING')
    os.unlink(c.path('out'))
    d.rpc().sendProcessStdin('r', data)
    d.kill()
    code, words, err = c.run_daemon('--dump-state', f'{d.dir}/s.state')
    lost = int(re.search(r'\[standard input\]\nprocess: r\nbytes that wait: (\d+)', words).group(1))
    check(0 < lost < len(data), f'{lost} bytes wait')
    for n in range(2):
        d.start()
        d.wait_log(f"{lost} bytes that waited for the standard input of 'r' are lost")
        d.kill()
    d.start()
    write_file(c.path('go'), '')
    d.rpc().sendProcessStdin('r', ' the end')
    c.wait(lambda: read_file(c.path('out')).endswith(' the end'), 'the rest is read')
    same(read_file(c.path('out')), data[:len(data) - lost] + ' the end', 'what was read')
    same(len(d.lines('are lost')), 1, 'it is said once')


@story(nobody=True)
def listeners_get_an_exit_wherever_a_kill_interrupts_its_publishing(c):
    """And once more where the kill came between the event and the record."""
    c.use_fault_points()
    d = c.daemon(f'[eventlistener:l]\ncommand={listener(c)}\nevents=PROCESS_STATE_EXITED\nstartsecs=0\n'
                 + c.program('w', ' sleep', 'startsecs=0', 'restart_delay=10ms'), start=False)
    places = {'act.unpublished:5': ('SIGINT', ['serial:0']), 'act.noted:5': ('SIGHUP', ['serial:0', 'serial:1']),
              'event.numbered:1': ('SIGQUIT', ['serial:1']), 'event.persisted:1': ('SIGALRM', ['serial:0', 'serial:1'])}
    for place, (name, serials) in places.items():
        pid = d.die_of_an_end('w', getattr(signal, name), place, 2)
        for _ in range(2):  # the instance after the next one has nothing to add
            d.start()
            p = d.wait_restarted('w', pid)
            c.wait(lambda: 'poolserial' in read_file(c.path('heard')), 'it hears')
            d.kill()
        d.start()
        d.wait_state('l', 'RUNNING')
        heads = read_file(c.path('heard')).splitlines()
        same(sorted({line.split()[2] for line in heads}), serials, f'{place}: events')
        same(p['exit']['signal'], name, place)
        check(d.lines(f'exited: w (terminated by {name};'), f'{place}: in the log')
        d.stop()
        os.unlink(c.path('heard'))


def damaged(c, d, damage, what, name='records'):
    """A daemon that was killed, its damaged state, and the next instance."""
    before = living_workers(c)
    d.kill()
    with open(f'{d.dir}/s.state/{name}', 'r+b') as f:
        damage(f)
    d.start()
    for pid in before:
        check(alive(pid), f'{what}: worker {pid} was harmed')
    for pid in before - set(d.pids().values()):
        kill(pid)
        c.wait_gone(pid)
    reap_all()


def flip(at):
    def damage(f):
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1 << at % 8]))
    return damage


@story(nobody=True)
def a_damaged_state_harms_no_worker(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0', 'numprocs=3',
                           'process_name=%(program_name)s_%(process_num)d'))
    d.wait_all('RUNNING', 3)
    rng = random.Random(5)
    for name, used in (('records', 768), ('texts', 400), ('ledgers', 528), ('events', 100)):
        size = os.path.getsize(f'{d.dir}/s.state/{name}')
        for cut in [0, 1, 100, 4095, 4096, 4200, 5000, size // 2, size - 1]:
            damaged(c, d, lambda f, cut=cut: f.truncate(cut), f'{name} cut at {cut}', name)
        for at in [0, 8, 20, 70, 4096, 4100, 4130] + [4096 + rng.randrange(used) for _ in range(5)]:
            damaged(c, d, flip(at), f'{name}, flip at {at}', name)
        damaged(c, d, lambda f, size=size: f.write(bytes(size)), f'{name}, zeroes', name)
        damaged(c, d, lambda f, size=size: f.write(rng.randbytes(size)), f'{name}, noise', name)
        check(d.lines(f'{name}.aside'), f'{name}: it was said')


@story(root=True)
def another_users_state_is_set_aside(c):
    d = c.daemon(c.program('w', ' sleep', 'startsecs=0'))
    d.wait_all('RUNNING', 1)
    damaged(c, d, lambda f: os.chown(f.name, 65534, 65534), 'owner')
    d.wait_log('may be written by others: set aside')


@story(root=True)
def workers_of_another_user_survive(c):
    d = c.daemon(c.program('w', ' lines 1000000 2', 'user=nobody') + c.program('e', ' echo', 'user=nobody'))
    d.wait_all('RUNNING', 2)
    pids = d.pids()
    log = d.process('w')['stdout']['logfile']
    succeed(d)
    same(d.pids(), pids, 'pids')
    same(d.process('w')['adopted_logs'], True, 'adopted_logs')
    d.rpc().sendProcessStdin('e', 'hello\n')
    d.wait_worker_log('e', 'hello')
    d.order('w', 'stop')
    check(no_gap_and_no_double(log) > 10, 'lines')
    reap_all()


def upgraded(c, d, count=1):
    """Wait until the daemon is its next image."""
    d.wait_log('supervisord started with pid', count + 1)
    c.wait(d.answers, 'the next image answers')


@story(nobody=True)
def an_upgrade_stops_nothing(c):
    d = c.daemon(c.program('steady', ' sleep', 'numprocs=3', 'process_name=%(program_name)s_%(process_num)d')
                 + c.program('chatty', ' lines 1000000 1') + c.program('echo', ' echo')
                 + c.program('off', ' sleep') + c.program('crash', ' exit 9 150', 'startsecs=0',
                                                          'restart_delay=20ms', 'restart_delay_factor=1'))
    d.wait_all('RUNNING', 7)
    d.order('off', 'stop')
    pids = {n: p for n, p in d.pids().items() if n != 'crash'}
    log = d.process('chatty')['stdout']['logfile']
    limit = read_file(f'/proc/{pids["echo"]}/limits')
    for n in range(1, 6):
        if n % 2:
            same(d.post('/v1/upgrade', status=202), {'upgrading': True, 'pid': d.pid}, 'answer')
        else:
            d.send(signal.SIGUSR1)
        upgraded(c, d, n)
        same({x: p for x, p in d.pids().items() if x != 'crash'}, pids, 'pids')
        same(d.process('off')['state'], 'STOPPED', 'state')
        same(d.info()['pid'], d.pid, 'pid of the daemon')
    d.rpc().sendProcessStdin('echo', 'hello\n')
    d.wait_worker_log('echo', 'hello')
    d.wait_process('crash', lambda p: p['exit'] and p['exit']['code'] == 9, 'its code is known')
    d.order('chatty', 'stop')
    check(no_gap_and_no_double(log) > 100, 'lines')
    p = d.order('off', 'start')
    same(read_file(f'/proc/{p["pid"]}/limits'), limit, 'limits of a worker started by the new image')
    same(proc_status(p['pid'])['SigBlk'], '0' * 16, 'blocked signals')
    lacks(str(proc_environ(p['pid'])), 'HANDOVER', 'environment')
    lacks(d.log(), 'without its logs', 'main log')
    lacks(d.log(), 'reaped unknown pid', 'main log')


@story(nobody=True)
def a_bad_binary_changes_nothing(c):
    bad = write_file(c.path('bad'), '#!/bin/sh\nexit 5\n', 0o755)
    half = write_file(c.path('half'), f'#!/bin/sh\ntest "$1" = --check && exec {c.supervisord} "$@"\nexit 1\n', 0o755)
    d = c.daemon(c.program('w', ' sleep'))
    d.wait_state('w', 'RUNNING')
    pid = d.process('w')['pid']
    a = d.post('/v1/upgrade', {'binary': bad}, 422)
    same((a['code'], 'exit status 5' in a['detail']), ('CANT_UPGRADE', True), f'answer {a}')
    d.wait_log('not upgraded')
    d.post('/v1/upgrade', {'binary': c.path('missing')}, 409)
    d.post('/v1/upgrade', {'binary': 'relative'}, 409)
    same(d.process('w')['pid'], pid, 'pid')
    for other in '/bin/true', '/bin/echo':  # end well, and are no supervisord
        a = d.post('/v1/upgrade', {'binary': other}, 422)
        has(a['detail'], 'does not answer as a supervisord does', 'answer')
    code, out, _ = d.ctl('upgrade', '--binary', bad)
    check(code != 0 and 'exit status 5' in out, f'supervisorctl: {code} {out}')
    code, out, _ = d.ctl('upgrade')
    same((code, out), (0, 'Upgrading supervisord in place\n'), 'supervisorctl')
    upgraded(c, d)
    same(d.process('w')['pid'], pid, 'pid')
    d.post('/v1/upgrade', {'binary': half}, 202)  # says that all is well, and ends: no way back
    d.clean = False
    d.wait_end(1)
    d.clean = True
    d.start()
    same(d.process('w')['pid'], pid, 'pid')
    reap_all()


@story(nobody=True)
def a_binary_is_checked_with_the_command_line_that_it_is_to_run_by(c):
    asked = write_file(c.path('asked'), f'#!/bin/sh\n(pwd; printf "%s\\n" "$@") > {c.path("words")}; exit 5\n',
                       0o755)
    d = c.daemon(c.program('w', ' sleep'), supervisord='directory=/', start=False,
                 args=['-n', '-l', 'a log', '-j', 's.pid', '--minfds=200', '-t'])
    here = os.getcwd()
    d.logfile = f'{d.dir}/a log'
    os.chdir(d.dir)  # what is named relative to it is so for every image
    try:
        d.start()
    finally:
        os.chdir(here)
    d.wait_state('w', 'RUNNING')
    d.wait_log("set current directory: '/'")
    pid = d.process('w')['pid']
    d.post('/v1/upgrade', {'binary': asked}, 422)
    same(read_file(c.path('words')).splitlines(),
         [d.dir, '--check', '-c', d.conf, '--nodaemon', '--logfile', 'a log', '--pidfile', 's.pid',
          '--minfds', '200', '--strip_ansi'], 'what the binary was asked')
    for n in 1, 2:
        d.post('/v1/upgrade', status=202)
        upgraded(c, d, n)
    same((d.process('w')['pid'], os.listdir('/').count('s.pid')), (pid, 0), 'pid of the worker, and in /')
    same(os.path.basename(d.info()['statedir']), 's.state', 'state directory')


def sum_of(data):
    """As in sys/store/mapped.c."""
    total = 0
    for word in struct.unpack(f'<{len(data) // 8}Q', data):
        total = (total ^ word) * 0x9e3779b97f4a7c15 & (1 << 64) - 1
        total ^= total >> 32
    return total


@story(nobody=True)
def a_binary_that_cannot_read_the_state_is_refused(c):
    """As if it had been written by a version far ahead: what runs would be unknown to the next image."""
    d = c.daemon(c.program('w', ' sleep'))
    d.wait_state('w', 'RUNNING')
    pid = d.process('w')['pid']
    size = 16 + 64  # what comes before the header's sum: sys/store/mapped.c
    with open(f'{d.dir}/s.state/records', 'r+b') as f:
        head = f.read(size)
        same(f.read(8), struct.pack('<Q', sum_of(head)), 'the sum of the header')
        newer = head[:-8] + struct.pack('<II', 99, 0)
        f.seek(0)
        f.write(newer + struct.pack('<Q', sum_of(newer)))
    code, _, err = c.run_daemon('--check', '-c', d.conf)
    same(code, 2, 'exit code of --check')
    why = f'{d.dir}/s.state/records is of a version that this program cannot read'
    has(err, why, 'stderr')
    a = d.post('/v1/upgrade', status=422)
    same(a['code'], 'CANT_UPGRADE', 'answer')
    has(a['detail'], why, 'answer')
    same((d.process('w')['pid'], d.info()['pid']), (pid, d.pid), 'pids')
    with open(f'{d.dir}/s.state/records', 'r+b') as f:
        f.write(head + struct.pack('<Q', sum_of(head)))
    d.post('/v1/upgrade', status=202)
    upgraded(c, d)
    same(d.process('w')['pid'], pid, 'pid')


@story(nobody=True)
def without_its_state_the_daemon_is_not_upgraded(c):
    """The state directory was removed; the next image would start everything a second time."""
    d = c.daemon(c.program('w', ' sleep'))
    d.wait_state('w', 'RUNNING')
    pid = d.process('w')['pid']
    shutil.rmtree(f'{d.dir}/s.state')
    a = d.post('/v1/upgrade', status=409)
    has(a['detail'], f'{d.dir}/s.state has been removed', 'answer')
    d.send(signal.SIGUSR1)
    d.wait_log('not upgraded: ')
    same((d.process('w')['pid'], len(living_workers(c))), (pid, 1), 'workers')


def goes_back(c, script):
    real = c.path('supervisord')
    shutil.copy(c.supervisord, real)
    sly = write_file(c.path('sly'), f'#!/bin/sh\ntest "$1" = --check && exec REAL "$@"\n{script}\n'
                     .replace('REAL', real), 0o755)
    d = c.daemon(c.program('w', ' lines 1000000 1'))
    d.wait_state('w', 'RUNNING')
    pid = d.process('w')['pid']
    log = d.process('w')['stdout']['logfile']
    d.post('/v1/upgrade', {'binary': sly}, 202)
    d.wait_log('did not begin to supervise')
    same(d.process('w')['pid'], pid, 'pid of the worker')
    same(d.info()['pid'], d.pid, 'pid of the daemon')
    d.post('/v1/upgrade', status=202)
    upgraded(c, d, 2)
    d.wait_log(f'going on as {c.supervisord}')
    d.order('w', 'stop')
    check(no_gap_and_no_double(log) > 100, 'lines')
    lacks(d.log(), 'without its logs', 'main log')


@story(nobody=True)
def an_image_that_cannot_begin_gives_way_to_the_old_one(c):
    goes_back(c, 'exec REAL "$@" --minfds nonsense')


@story(nobody=True, slow=2)
def an_image_that_hangs_gives_way_to_the_old_one(c):
    """The image hangs when it reads the pidfile, which is a FIFO without a writer."""
    os.mkfifo(c.path('fifo'))
    goes_back(c, f'shift 2; exec REAL -c {c.path("fifo")} "$@"')


@story(nobody=True)
def an_image_that_crashes_gives_way_to_the_old_one(c):
    c.use_fault_points()
    d = c.daemon(c.program('w', ' lines 1000000 1'))
    d.wait_state('w', 'RUNNING')
    before = d.process('w')
    blocked = proc_status(d.pid)['SigBlk']
    bad = write_file(c.path('bad'), f'#!/bin/sh\nexport SUPERVISORD_FAULT=upgrade.begun:1:crash\n'
                     f'exec {c.supervisord} "$@"\n', 0o755)
    for n in (1, 2):
        d.post('/v1/upgrade', {'binary': bad}, 202)
        c.wait(lambda: len(d.lines('did not begin to supervise')) == n, 'it has gone back')
        c.wait(d.answers, 'the old image answers')
        same((d.process('w')['pid'], d.info()['pid']), (before['pid'], d.pid), 'pids')
        same(proc_status(d.pid)['SigBlk'], blocked, 'blocked signals')
    d.order('w', 'stop')
    check(no_gap_and_no_double(before['stdout']['logfile']) > 100, 'lines')


@story(nobody=True)
def requests_in_flight_are_answered_over_an_upgrade(c):
    d = c.daemon(c.program('w', ' sleep', 'autostart=false', 'startsecs=1') + c.program('x', ' sleep'))
    d.wait_state('x', 'RUNNING')
    halt, asked, failed, slow = threading.Event(), [], [], []

    def ask():
        while not halt.is_set():
            try:
                same(d.get('/v1/info').status, 200, 'status')
                asked.append(1)
            except Exception as e:
                failed.append(repr(e))

    def wait_for_start():
        slow.append(d.order('w', 'start'))
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    for n in range(1, 6):
        waiter = threading.Thread(target=wait_for_start)
        waiter.start()
        time.sleep(0.1)
        d.send(signal.SIGUSR1)
        d.wait_log('supervisord started with pid', n + 1)
        waiter.join()
        d.order('w', 'stop')
    halt.set()
    for t in threads:
        t.join()
    same(failed, [], 'requests that failed')
    same([p['state'] for p in slow], ['RUNNING'] * 5, 'processes that waited')
    check(len(asked) > 20, f'requests: {len(asked)}')


@story(nobody=True, slow=2)
def a_client_that_waits_too_long_for_an_upgrade_is_told(c):
    d = c.daemon(c.program('hard', ' ignore-term', 'stopwaitsecs=25') + c.program('x', ' sleep'))
    d.wait_worker_log('hard', 'ready')
    pid = d.process('hard')['pid']
    events = Events(d, types='process.state')
    answers = []
    waiter = threading.Thread(target=lambda: answers.append(
        d.request('POST', '/v1/processes/hard/stop', {}).status))
    waiter.start()
    d.wait_state('hard', 'STOPPING')
    d.send(signal.SIGUSR1)
    upgraded(c, d)
    waiter.join()
    same(answers, [503], 'answers')
    try:
        events.until(lambda *e: False, 'the end of the stream')
    except Failed as e:
        same(str(e), 'the event stream has ended', 'how the stream ended')
    same((d.process('hard')['state'], d.process('hard')['pid']), ('STOPPING', pid), 'the order goes on')
    kill(pid)
    d.wait_state('hard', 'STOPPED')


# ---- containers

@story(nobody=True)
def the_main_program_of_a_container_ends_it_with_its_code(c):
    for i, (command, extra, code) in enumerate([
            (' exit 7 100', 'autorestart=false', 7), (' exit 0 100', 'autorestart=unexpected', 0),
            (' crash 100', 'autorestart=false', 128 + 11),
            (' exit 5', 'startretries=1\nrestart_delay=10ms', 5)]):
        d = c.daemon(c.program('main', command, 'startsecs=0' if i < 3 else 'startsecs=1', extra,
                               'container_main=true') + c.program('side', ' sleep'),
                     name=f'd{i}', start=False)
        d.launch()
        d.wait_end(code)
        has(d.log(), f'ending with exit code {code}', 'main log')


@story(root=True)
def as_process_one_the_daemon_reaps_orphans(c):
    text = c.program('w', ' fork-away', 'startsecs=0', 'autorestart=false') + c.program('x', ' sleep')
    d = c.daemon(text, start=False)
    d.popen = subprocess.Popen(['unshare', '--pid', '--fork', '--mount-proc', '--kill-child',
                                c.supervisord, '-n', '-c', d.conf], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    d.pid = d.popen.pid
    c.wait(lambda: d.popen.poll() is not None or d.answers(), 'it answers')
    if d.popen.poll() is not None:
        d.code = d.popen.returncode
        raise Skipped('no pid namespace here')
    d.wait_log('running as process 1')
    d.wait_state('w', 'EXITED')
    same(d.info()['pid'], 1, 'pid')
    d.rpc().shutdown()
    d.wait_end(0)
