"""Stopping: asking first, then insisting, and what workers leave behind."""
import json
import os
import pty
import re
import signal
import time

from e2elib import alive, check, has, lacks, same, story


def pid_said(d, name, word):
    d.case.wait(lambda: re.search(rf'^{word} \d+$', d.worker_log(name), re.M), f'{word} PID')
    text = d.worker_log(name)
    return [int(n) for n in re.findall(rf'^{word} (\d+)$', text, re.M)]


@story(nobody=True)
def a_worker_that_ignores_the_stop_signal_is_killed_after_stopwaitsecs(c):
    d = c.daemon(c.program('w', ' ignore-term', 'stopwaitsecs=1'))
    pid = d.wait_state('w', 'RUNNING')['pid']
    d.wait_worker_log('w', 'ready')
    began = time.monotonic()
    p = d.order('w', 'stop')
    check(time.monotonic() - began >= 0.99, 'it was killed too early')
    same((p['state'], p['exit']['signal']), ('STOPPED', 'SIGKILL'), 'state and signal')
    check(not alive(pid), 'it is gone')
    d.wait_log(f"killing 'w' ({pid}) with SIGKILL")
    d.wait_log('stopped: w (terminated by SIGKILL)')
    d.wait_worker_log('w', 'ignored SIGTERM')


@story(nobody=True)
def the_stop_signal_can_be_another(c):
    d = c.daemon(c.program('w', ' ignore-term', 'stopsignal=USR1', 'exitcodes=0'))
    d.wait_state('w', 'RUNNING')
    d.wait_worker_log('w', 'ready')
    same(d.order('w', 'stop')['exit']['signal'], 'SIGUSR1', 'signal')


@story(nobody=True)
def workers_that_stop_slowly_do_so_side_by_side(c):
    d = c.daemon(c.program('w', ' ignore-term', 'stopwaitsecs=2', 'numprocs=20',
                           'process_name=%(process_num)d', 'startsecs=0'))
    d.wait_all('RUNNING', 20)
    for i in range(20):
        d.wait_worker_log(f'w:{i}', 'ready')
    began = time.monotonic()
    results = d.order('all', 'stop')['results']
    took = time.monotonic() - began
    check(took < 35, f'one after the other would take 40 s, this took {took:.1f}')
    check(len(results) == 20 and all(r['ok'] for r in results), f'results {results}')


@story(nobody=True)
def leftovers_of_a_worker_are_named(c):
    d = c.daemon(c.program('w', ' litter', 'autorestart=false'))
    d.wait_state('w', 'RUNNING')
    d.wait_worker_log('w', 'ready')
    near, = pid_said(d, 'w', 'near')
    far, = pid_said(d, 'w', 'far')
    p = d.order('w', 'stop')
    check(alive(near) and alive(far), 'they are not killed, because no key asks for it')
    d.wait_log(f"left over from 'w': pid {near} ")
    p = d.wait_process('w', lambda p: p['leftovers'], 'has leftovers')
    for pid in (near, far):  # by session, and by the ancestry seen before the stop
        check(any(x.startswith(f'{pid} ') for x in p['leftovers']), f'leftovers {p["leftovers"]}')
    shown = json.loads(d.ctl('status', '--json')[1])['processes'][0]
    same(shown['leftovers'], p['leftovers'], 'leftovers as the client shows them')
    d.stop()  # checks that no process is left
    check(not alive(near) and not alive(far), 'the end of the daemon is theirs')
    for pid in (near, far):
        has(d.log(), f'SIGTERM to what is below it, pid {pid} ', 'main log')


@story(nobody=True)
def stopasgroup_and_killasgroup_leave_no_process_behind(c):
    d = c.daemon(c.program('a', ' litter', 'stopasgroup=true', 'autorestart=false')
                 + c.program('k', ' litter', 'killasgroup=true', 'autorestart=false')
                 + c.program('t', ' tree', 'stopasgroup=true'))
    d.wait_all('RUNNING', 3)
    for name in ('a', 'k', 't'):
        d.wait_worker_log(name, 'ready')
    children = [*pid_said(d, 'a', 'near'), *pid_said(d, 'a', 'far'), *pid_said(d, 'k', 'near'),
                *pid_said(d, 'k', 'far'), *pid_said(d, 't', 'child')]
    same(len(children), 6, 'children')
    check(all(map(alive, children)), 'they live before the stop')
    d.order('all', 'stop')
    for pid in children:
        c.wait_gone(pid)


@story()
def many_with_children_stop_in_a_moment(c):
    d = c.daemon(c.program('w', "sh -c 'sleep 1000 & wait'", 'numprocs=400', 'stopasgroup=true',
                           'process_name=%(process_num)d', 'startsecs=0'))
    d.wait_all('RUNNING', 400)
    began = time.monotonic()
    d.order('all', 'stop')
    check(time.monotonic() - began < 5, 'the daemon looks at more than each one\'s own')


@story(nobody=True)
def a_process_that_forked_away_ends_with_the_daemon_at_the_latest(c):
    d = c.daemon(c.program('w', ' fork-away', 'startsecs=0', 'autorestart=false'))
    away, = pid_said(d, 'w', 'away')
    d.wait_state('w', 'EXITED')
    check(alive(away), 'it lives while the daemon does')
    d.stop()
    check(not alive(away), 'it is gone')
    has(d.log(), f'SIGTERM to what is below it, pid {away} ', 'main log')


@story(nobody=True)
def orphans_are_reaped_as_by_an_init(c):
    d = c.daemon(c.program('w', '/bin/sh -c "(sleep 0.2 &); exec sleep 1000"'))
    d.wait_state('w', 'RUNNING')
    d.wait_log('reaped unknown pid')


@story(nobody=True)
def a_term_stops_everything_and_ends_with_zero(c):
    d = c.daemon(c.program('w', ' sleep', 'numprocs=5', 'process_name=%(process_num)d')
                 + c.program('bad', ' exit 1', 'restart_delay=1h'))
    d.wait_all('RUNNING', 5)
    d.wait_state('bad', 'BACKOFF')
    d.stop(0)
    has(d.log(), 'received SIGTERM indicating exit request', 'main log')
    same(len(d.lines('stopped: ')), 5, 'stopped')


@story(nobody=True)
def sigint_and_sigquit_end_the_daemon_as_well(c):
    for sig, name in ((signal.SIGINT, 'SIGINT'), (signal.SIGQUIT, 'SIGQUIT')):
        d = c.daemon(c.program('w', ' sleep'), name=name)
        d.wait_state('w', 'RUNNING')
        d.stop(0, sig)
        has(d.log(), f'received {name} indicating exit request', 'main log')


@story(nobody=True)
def a_second_term_changes_nothing(c):
    d = c.daemon(c.program('w', ' ignore-term', 'stopwaitsecs=2', 'startsecs=0'))
    d.wait_worker_log('w', 'ready')
    began = time.monotonic()
    d.send(signal.SIGTERM)
    d.wait_log('waiting for w to die')
    d.send(signal.SIGTERM)
    d.send(signal.SIGINT)
    d.wait_end(0)
    check(time.monotonic() - began >= 1.9, 'stopwaitsecs was cut short')


@story(nobody=True)
def shutdown_timeout_bounds_the_end(c):
    d = c.daemon(c.program('w', ' ignore-term', 'stopwaitsecs=3600', 'startsecs=0')
                 + c.program('first', ' ignore-term', 'stopwaitsecs=3600', 'startsecs=0',
                             'priority=1'),
                 supervisord='shutdown_timeout=500ms')
    d.wait_worker_log('w', 'ready')
    d.wait_worker_log('first', 'ready')
    d.stop(0)
    has(d.log(), 'shutdown_timeout has passed: killing what is left', 'main log')


@story(nobody=True)
def nothing_is_started_during_shutdown(c):
    d = c.daemon(c.program('w', ' ignore-term', 'stopwaitsecs=2', 'startsecs=0')
                 + c.program('off', ' sleep', 'autostart=false')
                 + c.program('crash', ' exit 1 100', 'startsecs=0', 'restart_delay=50ms'))
    d.wait_worker_log('w', 'ready')
    d.send(signal.SIGTERM)
    d.wait_log('waiting for ')
    same(d.order('off', 'start', 503)['code'], 'SHUTDOWN_STATE', 'code')
    d.wait_end(0)
    before, after = d.log().split('received SIGTERM', 1)
    lacks(after, 'spawned:', 'main log after the signal')


@story(nobody=True)
def a_second_interrupt_on_a_terminal_kills_at_once(c):
    d = c.daemon(c.program('w', ' ignore-term', 'stopwaitsecs=3600', 'startsecs=0'),
                 supervisord='nodaemon=true\nsilent=true', start=False)
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            err = os.open(d.err, os.O_WRONLY | os.O_CREAT, 0o644)
            os.dup2(err, 2)
            os.execv(c.supervisord, [c.supervisord, '-n', '-c', d.conf])
        finally:
            os._exit(99)
    try:
        c.wait(d.answers, 'the daemon answers')
        d.wait_worker_log('w', 'ready')
        os.write(terminal, b'\x03')
        d.wait_log('received SIGINT')
        time.sleep(0.3)
        check(alive(pid), 'once is not enough')
        os.write(terminal, b'\x03')
        ended = []
        c.wait(lambda: ended.append(os.waitpid(pid, os.WNOHANG)) or ended[-1][0], 'it ends')
        same(os.waitstatus_to_exitcode(ended[-1][1]), 0, 'exit code')
        has(d.log(), 'interrupted twice: killing everything now', 'main log')
        d.check_words()
        check(not os.path.exists(d.socket), 'the socket is gone')
    finally:
        os.close(terminal)
